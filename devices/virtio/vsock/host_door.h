// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VSOCK_HOST_DOOR_H_
#define SEALVM_DEVICES_VIRTIO_VSOCK_HOST_DOOR_H_

#include <stddef.h>
#include <stdint.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>

#include "devices/io/event_loop.h"
#include "devices/io/loop_timer.h"
#include "devices/virtio/vsock/host_greeting.h"
#include "devices/virtio/vsock/unix_socket.h"
#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm {

// Where programs of the host come in: accepts them at the listener and reads their greetings. Lives
// on the loop's thread.
class HostDoor {
 public:
  // A program that wants to go to this port of the guest; bytes behind its greeting are unread.
  using Visitor = std::function<void(Fd socket, uint32_t port)>;
  struct Options {
    std::chrono::milliseconds patience;  // until the greeting is complete
    std::function<bool()> has_room;      // whoever comes while it says no is sent away
    Visitor visitor;
  };

  // `loop` and `listener` outlive it.
  static Result<std::unique_ptr<HostDoor>> Create(EventLoop& loop, UnixListener& listener,
                                                  Options options);
  HostDoor(const HostDoor&) = delete;
  HostDoor& operator=(const HostDoor&) = delete;
  ~HostDoor();

  // Programs whose greeting is not complete.
  size_t waiting() const { return arrivals_.size(); }

 private:
  struct Arrival {
    Fd socket;
    HostGreeting greeting;
    LoopTimer::Clock::time_point deadline;
  };

  HostDoor(EventLoop& loop, UnixListener& listener, Options options)
      : loop_(loop), listener_(listener), options_(std::move(options)) {}
  Result<> Open();
  void OnListener();
  void Admit(Fd socket);
  void OnGreeting(int fd);
  void Forget(int fd);
  void OnTimer();

  EventLoop& loop_;
  UnixListener& listener_;
  const Options options_;
  bool open_ = false;
  std::map<int, Arrival> arrivals_;  // by descriptor
  std::unique_ptr<LoopTimer> timer_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VSOCK_HOST_DOOR_H_
