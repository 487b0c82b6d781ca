// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_MESSAGE_SOCKET_H_
#define SEALVM_DEVICES_VHOST_USER_MESSAGE_SOCKET_H_

#include <stdint.h>

#include <chrono>
#include <span>
#include <string>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm::vhost_user {

// A connected Unix stream socket whose other end is not trusted: nothing waits past a deadline, and
// descriptors that come along are closed, for no answer that we ask for carries any. Not
// thread-safe.
class MessageSocket {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  // Connects to `path`, which errors leave for the caller to name; kInvalidInput when nobody
  // listens there or it is no socket.
  static Result<MessageSocket> Connect(const std::string& path);
  explicit MessageSocket(Fd fd) : fd_(std::move(fd)) {}

  // Sends all of `bytes`, with `fds` attached to the first of them.
  Result<> Send(std::span<const uint8_t> bytes, std::span<const int> fds, Deadline deadline);
  // Fills `out`. A peer that closes, that is late or that sends descriptors is an error.
  Result<> Receive(std::span<uint8_t> out, Deadline deadline);

  // Whether the peer is still there and has said nothing that was not asked for.
  bool Idle() const;
  // Ends the connection; both sides see it.
  void Shutdown();
  int fd() const { return fd_.get(); }

 private:
  Result<> WaitFor(short events, Deadline deadline) const;

  Fd fd_;
};

}  // namespace sealvm::vhost_user

#endif  // SEALVM_DEVICES_VHOST_USER_MESSAGE_SOCKET_H_
