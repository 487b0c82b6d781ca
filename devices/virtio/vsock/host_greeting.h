// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_HOST_GREETING_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_HOST_GREETING_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string>

namespace sealvm {

// The line by which a program of the host says where it wants to go: "CONNECT <port>\n", the port
// decimal, the word in any case. So do other VMMs' users of vsock over a Unix socket.
class HostGreeting {
 public:
  static constexpr size_t kMaxBytes = 32;  // of the line, its end included

  enum class State { kUnfinished, kDone, kBad };

  // Takes what belongs to the line; returns how many bytes that is. What follows belongs to the
  // guest.
  size_t Take(std::span<const uint8_t> bytes);

  State state() const { return state_; }
  // The guest's port, when done.
  uint32_t port() const { return port_; }

 private:
  void Parse();

  std::string line_;
  State state_ = State::kUnfinished;
  uint32_t port_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_HOST_GREETING_H_
