// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_HOST_STREAM_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_HOST_STREAM_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>
#include <vector>

#include "devices/virtio/chain_io.h"
#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "memory/shared_view.h"

namespace sealvm {

// A connected socket to a program of the host, and what that has not taken yet. Never blocks. The
// caller bounds what is kept. Not thread-safe.
class HostStream {
 public:
  // `socket` is non-blocking.
  explicit HostStream(Fd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  // Gives `length` bytes of the guest, which `payload` has, to the program, behind what is kept.
  // Returns how many it took; the others are kept. An error is the guest's: bytes that it does not
  // share.
  Result<uint32_t> Send(ChainCursor payload, uint32_t length, SharedView& memory);
  // All of a short text or, false, none that matters: the program has left.
  bool SendText(std::string_view text);
  // Gives what is kept; returns how much the program took.
  uint32_t Flush();
  size_t kept() const { return kept_.size() - kept_begin_; }
  // The program takes no more; nothing is kept.
  bool deaf() const { return deaf_; }

  enum class Receipt { kData, kNothing, kEnd, kBroken };
  struct Received {
    Receipt what = Receipt::kNothing;
    uint32_t bytes = 0;  // for kData, at least 1
  };
  // What the program sent, into the guest's `room`. An error is the guest's.
  Result<Received> Receive(std::span<const GuestBuffer> room, SharedView& memory);

  // The program reads an end behind what was sent; nothing may be kept.
  void EndSending();
  // What the program sends from now on is refused.
  void EndReceiving();

 private:
  // Bytes of those at `pieces` that the socket took.
  uint32_t SendPieces(std::span<const iovec> pieces);
  Result<> Keep(ChainCursor& payload, uint32_t length, const SharedView& memory);

  Fd socket_;
  bool deaf_ = false;
  // What is kept begins at kept_begin_.
  std::vector<uint8_t> kept_;
  size_t kept_begin_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_HOST_STREAM_H_
