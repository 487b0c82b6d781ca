// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/stream_peer.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sealvm {
namespace {

constexpr size_t kLengthBytes = 4;
// In front of the input, so that a NetHeader fits before the first frame when its length is taken.
constexpr size_t kHeadroom = sizeof(NetHeader) - kLengthBytes;
// Many small frames a call, and always a whole one of the longest.
constexpr size_t kInputBytes = kHeadroom + 4 * (kLengthBytes + kMaxFrameBytes);
constexpr size_t kMaxPieces = 1023;

bool WouldBlock(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

StreamPeer::StreamPeer(Fd socket)
    : socket_(std::move(socket)), input_(kInputBytes), begin_(kHeadroom), end_(kHeadroom) {}

void StreamPeer::Disconnect(const std::string& reason) {
  // Open until the end: others watch its number.
  shutdown(socket_.get(), SHUT_RDWR);
  if (gone_reason_.empty()) gone_reason_ = reason;
}

uint32_t StreamPeer::NextLength() const {
  uint32_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length = length << 8 | input_[begin_ + i];
  return length;
}

bool StreamPeer::FrameComplete() const {
  return end_ - begin_ >= kLengthBytes && end_ - begin_ - kLengthBytes >= NextLength();
}

NetPeer::Received StreamPeer::Receive(std::span<const iovec>) {
  Received nothing;
  while (gone_reason_.empty()) {
    if (end_ - begin_ >= kLengthBytes && NextLength() > kMaxFrameBytes) {
      Disconnect(fmt::format("it sent a frame of {} bytes", NextLength()));
      break;
    }
    if (FrameComplete()) return TakeFrame();
    nothing.outcome = Fill();
    if (nothing.outcome != Outcome::kDone) return nothing;
  }
  nothing.outcome = Outcome::kGone;
  return nothing;
}

NetPeer::Received StreamPeer::TakeFrame() {
  const uint32_t length = NextLength();
  begin_ += kLengthBytes + length;
  Received frame = {.outcome = length < kMinFrameBytes ? Outcome::kDropped : Outcome::kDone,
                    .bytes = sizeof(NetHeader) + length,
                    .direct = 0,
                    .rest = {}};
  uint8_t* const start = input_.data() + begin_ - frame.bytes;
  memset(start, 0, sizeof(NetHeader));
  frame.rest = {start, frame.bytes};
  return frame;
}

NetPeer::Outcome StreamPeer::Fill() {
  if (begin_ > kHeadroom) {
    memmove(input_.data() + kHeadroom, input_.data() + begin_, end_ - begin_);
    end_ -= begin_ - kHeadroom;
    begin_ = kHeadroom;
  }
  const ssize_t got = recv(socket_.get(), input_.data() + end_, input_.size() - end_, 0);
  if (got > 0) {
    end_ += static_cast<size_t>(got);
    return Outcome::kDone;
  }
  if (got < 0 && WouldBlock(errno)) return Outcome::kAgain;
  Disconnect(got == 0 ? "it closed the connection" : strerror(errno));
  return Outcome::kGone;
}

NetPeer::Outcome StreamPeer::Flush() {
  while (gone_reason_.empty() && unsent_begin_ < unsent_.size()) {
    const ssize_t sent = send(socket_.get(), unsent_.data() + unsent_begin_,
                              unsent_.size() - unsent_begin_, MSG_NOSIGNAL);
    if (sent >= 0) {
      unsent_begin_ += static_cast<size_t>(sent);
    } else if (WouldBlock(errno)) {
      return Outcome::kAgain;
    } else {
      Disconnect(strerror(errno));
    }
  }
  unsent_.clear();
  unsent_begin_ = 0;
  return gone_reason_.empty() ? Outcome::kDone : Outcome::kGone;
}

NetPeer::Outcome StreamPeer::Send(const NetHeader&, std::span<const iovec> frame) {
  if (const Outcome flushed = Flush(); flushed != Outcome::kDone) return flushed;
  if (frame.size() > kMaxPieces) return Outcome::kDropped;
  size_t length = 0;
  for (const iovec& piece : frame) length += piece.iov_len;
  std::array<uint8_t, kLengthBytes> prefix;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    prefix[i] = static_cast<uint8_t>(length >> (8 * (kLengthBytes - 1 - i)));
  }
  vectors_.assign(1, {prefix.data(), prefix.size()});
  vectors_.insert(vectors_.end(), frame.begin(), frame.end());
  msghdr message = {};
  message.msg_iov = vectors_.data();
  message.msg_iovlen = vectors_.size();
  const ssize_t sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (sent >= 0) {
    KeepUnsent(vectors_, static_cast<size_t>(sent));
    return Outcome::kDone;
  }
  if (WouldBlock(errno)) return Outcome::kAgain;
  Disconnect(strerror(errno));
  return Outcome::kGone;
}

// The rest of a frame must follow, whatever becomes of the guest's memory: a copy of it.
void StreamPeer::KeepUnsent(std::span<const iovec> pieces, size_t sent) {
  for (const iovec& piece : pieces) {
    const size_t skipped = std::min(sent, piece.iov_len);
    sent -= skipped;
    const uint8_t* const bytes = static_cast<const uint8_t*>(piece.iov_base);
    unsent_.insert(unsent_.end(), bytes + skipped, bytes + piece.iov_len);
  }
}

}  // namespace sealvm
