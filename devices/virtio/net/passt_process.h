// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_NET_PASST_PROCESS_H_
#define SEALVM_DEVICES_VIRTIO_NET_PASST_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "devices/virtio/net/port_forward.h"
#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm {

struct PasstOptions {
  std::string program = "passt";  // with a slash, or in PATH
  std::vector<PortForward> forwards = {};
  std::chrono::milliseconds patience{10'000};  // for its start
};

// passt(1), user networking without rights, started for one guest. What the guest sees does not
// depend on the host's interfaces, of which there may be none but the loopback:
//   - by DHCP the address 10.0.2.15/24, the gateway 10.0.2.2 and an MTU of 65520; no IPv6;
//   - the gateway's address leads to the host's own loopback 127.0.0.1, and is where connections
//     from the host seem to come from; all other addresses are reached by the host's routes;
//   - as DNS server by DHCP the host's (/etc/resolv.conf), or the gateway where that is on the
//     host's loopback; none where the host has none.
//
// The process ends when its socket closes, also when this process is killed, and no later than the
// object. It has no parent-death signal: that follows the thread that started it, and passt loses
// it anyway when it changes its user.
class PasstProcess {
 public:
  // Returns when it serves. kInvalidInput: it is not installed, or refuses the forwards.
  static Result<PasstProcess> Start(const PasstOptions& options);
  PasstProcess(PasstProcess&&) noexcept = default;
  PasstProcess& operator=(PasstProcess&&) = delete;
  ~PasstProcess();

  // The connection, non-blocking; once.
  Fd TakeSocket() { return std::move(socket_); }
  pid_t pid() const { return pid_; }
  // The last that it said, and what ended it if it has ended.
  std::string LastWords();

 private:
  PasstProcess() = default;
  Result<> Spawn(const PasstOptions& options);
  Result<> AwaitReady(const PasstOptions& options);
  Result<> StartError();

  pid_t pid_ = -1;
  Fd pidfd_;
  Fd socket_;
  Fd ready_;   // its standard output, where it writes its pid when it serves
  Fd errors_;  // its standard error
  std::string last_line_;
};

// The arguments for a connection at descriptor `fd`, the program's name not included.
std::vector<std::string> PasstArguments(const PasstOptions& options, int fd);

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_NET_PASST_PROCESS_H_
