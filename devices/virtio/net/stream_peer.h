// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_STREAM_PEER_H_
#define SEALVM_DEVICES_VIRTIO_NET_STREAM_PEER_H_

#include <string>
#include <vector>

#include "devices/virtio/net/net_peer.h"
#include "memory/base/fd.h"

namespace sealvm {

// A peer at the other end of a stream socket: before each frame its length, 32 bits big-endian, as
// passt(1) and QEMU's stream sockets have it. No offloads: frames are complete.
class StreamPeer : public NetPeer {
 public:
  // `socket` must be non-blocking.
  explicit StreamPeer(Fd socket);

  int fd() const override { return socket_.get(); }
  bool offloads() const override { return false; }
  bool receives_directly() const override { return false; }
  // A length that no frame has means that the peer is broken, hence gone.
  Received Receive(std::span<const iovec> buffers) override;
  Outcome Send(const NetHeader& header, std::span<const iovec> frame) override;
  Outcome Flush() override;
  std::string gone_reason() override { return gone_reason_; }

 protected:
  // Closes the connection.
  void Disconnect(const std::string& reason);

 private:
  bool FrameComplete() const;
  uint32_t NextLength() const;
  Outcome Fill();
  Received TakeFrame();
  void KeepUnsent(std::span<const iovec> pieces, size_t sent);

  Fd socket_;
  std::string gone_reason_;
  std::vector<uint8_t> input_;
  size_t begin_ = 0;  // of what was not yet taken from input_
  size_t end_ = 0;
  std::vector<uint8_t> unsent_;
  size_t unsent_begin_ = 0;
  std::vector<iovec> vectors_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_STREAM_PEER_H_
