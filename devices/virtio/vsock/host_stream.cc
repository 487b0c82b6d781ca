// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/host_stream.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sealvm {
namespace {

// The kernel refuses more pieces at once (IOV_MAX).
msghdr MessageOf(std::span<const iovec> pieces) {
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = std::min<size_t>(pieces.size(), IOV_MAX);
  return message;
}

bool IsTemporary(int error) {
  return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

uint32_t HostStream::SendPieces(std::span<const iovec> pieces) {
  const msghdr message = MessageOf(pieces);
  const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return static_cast<uint32_t>(sent);
  if (!IsTemporary(errno)) deaf_ = true;
  return 0;
}

Result<uint32_t> HostStream::Send(ChainCursor payload, uint32_t length, SharedView& memory) {
  uint32_t sent = 0;
  if (kept() == 0 && length > 0) {
    const SharedView::Lease lease = SEALVM_TRY(memory.Borrow(payload.Pieces(length)));
    sent = SendPieces(lease.iovecs());
  }
  if (deaf_) return length;
  if (sent == length) return sent;
  if (!payload.Skip(sent)) return InvalidInput("a packet shorter than it says");
  SEALVM_TRY(Keep(payload, length - sent, memory));
  return sent;
}

Result<> HostStream::Keep(ChainCursor& payload, uint32_t length, const SharedView& memory) {
  // Moves seldom, and each byte but once.
  if (kept_begin_ > kept()) {
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<ptrdiff_t>(kept_begin_));
    kept_begin_ = 0;
  }
  const size_t before = kept_.size();
  kept_.resize(before + length);
  return payload.Read(memory, std::span(kept_).subspan(before));
}

bool HostStream::SendText(std::string_view text) {
  const ssize_t sent = send(fd(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent == static_cast<ssize_t>(text.size());
}

uint32_t HostStream::Flush() {
  if (kept() == 0) return 0;
  const iovec piece = {.iov_base = kept_.data() + kept_begin_, .iov_len = kept()};
  uint32_t sent = SendPieces({&piece, 1});
  if (deaf_) sent = static_cast<uint32_t>(kept());
  kept_begin_ += sent;
  if (kept() == 0) {
    kept_ = {};
    kept_begin_ = 0;
  }
  return sent;
}

Result<HostStream::Received> HostStream::Receive(std::span<const GuestBuffer> room,
                                                 SharedView& memory) {
  const SharedView::Lease lease = SEALVM_TRY(memory.Borrow(room));
  msghdr message = MessageOf(lease.iovecs());
  const ssize_t got = recvmsg(fd(), &message, MSG_DONTWAIT);
  if (got > 0) return Received{Receipt::kData, static_cast<uint32_t>(got)};
  if (got == 0) return Received{Receipt::kEnd};
  return Received{IsTemporary(errno) ? Receipt::kNothing : Receipt::kBroken};
}

void HostStream::EndSending() { shutdown(fd(), SHUT_WR); }

void HostStream::EndReceiving() { shutdown(fd(), SHUT_RD); }

}  // namespace sealvm
