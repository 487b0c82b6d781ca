// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_NET_PEER_H_
#define SEALVM_DEVICES_VIRTIO_NET_NET_PEER_H_

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <span>
#include <string>

#include "devices/virtio/net/net_protocol.h"
#include "memory/base/result.h"

namespace sealvm {

// The host's end of one queue pair: takes and gives Ethernet frames, never waiting. One thread at a
// time.
class NetPeer {
 public:
  enum class Outcome {
    kDone,
    kAgain,    // nothing there, or no room: wait for fd()
    kDropped,  // the host refused this frame
    kGone,     // now and for ever; gone_reason() says why
  };

  struct Received {
    Outcome outcome = Outcome::kAgain;
    size_t bytes = 0;               // the NetHeader and the frame
    size_t direct = 0;              // of these, how many lie in the caller's buffers
    std::span<const uint8_t> rest;  // the others, until the next Receive
  };

  virtual ~NetPeer() = default;

  // Lent; becomes readable when there are frames, writable when there is room again.
  virtual int fd() const = 0;
  // Whether it computes checksums and cuts segments; without, frames must be complete.
  virtual bool offloads() const = 0;
  // Whether Receive makes use of buffers.
  virtual bool receives_directly() const = 0;

  // The next frame, a NetHeader first, into `buffers` as far as they go.
  virtual Received Receive(std::span<const iovec> buffers) = 0;
  // Sends a frame, header checked. After kAgain none of it was taken.
  virtual Outcome Send(const NetHeader& header, std::span<const iovec> frame) = 0;
  // Sends what is left of earlier frames. kAgain: some still is, wait for fd().
  virtual Outcome Flush() { return Outcome::kDone; }

  // What the guest's negotiated features let it receive. For one peer of those that share a link.
  virtual Result<> SetGuestFeatures(uint64_t features) {
    (void)features;
    return {};
  }
  // Whether it takes part in its link's traffic; a fresh one does. While it does not, fd() may
  // report errors all the time.
  virtual Result<> SetAttached(bool attached) {
    (void)attached;
    return {};
  }

  virtual std::string gone_reason() = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_NET_PEER_H_
