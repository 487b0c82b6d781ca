// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VHOST_USER_FS_DEVICE_H_
#define SEALVM_DEVICES_VHOST_USER_FS_DEVICE_H_

#include <stdint.h>

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "devices/io/event_loop.h"
#include "devices/vhost_user/vhost_user_session.h"
#include "devices/virtio/virtio_device.h"
#include "memory/base/fd.h"
#include "memory/base/logger.h"
#include "memory/base/result.h"

namespace sealvm {

// Bytes of a file system's tag in the configuration (Virtual I/O Device 1.3 section 5.11.4).
inline constexpr size_t kMaxFsTagBytes = 36;

struct FsOptions {
  std::string socket_path;    // where the vhost-user process listens
  std::string tag;            // what the guest mounts: UTF-8, 1 to kMaxFsTagBytes bytes
  uint16_t queue_size = 256;  // entries, a power of two
  std::string name;           // for the log
  Logger logger;
  // How long the process may take for an answer.
  std::chrono::milliseconds patience = VhostUserFrontend::kPatience;
};

// A file system device (Virtual I/O Device 1.3 section 5.11) whose queues are served by another
// process, virtiofsd, over the vhost-user protocol. That process gets all memory that the guest
// shares with devices: of a guest with private memory the shared half, nothing private. The device
// itself never touches a ring. It does not trust the process: whatever it does ends the device's
// activity at worst (NeedReset), and the next activation connects anew.
//
// Requests go past this process: of the counters only interrupts that pass through it, and errors,
// are counted.
class FsDevice : public VirtioDevice {
 public:
  // Connects and asks for the process's features. kInvalidInput that names `--fs` and the socket
  // when nobody listens there, it is no socket, or who listens is no such process; for a tag or a
  // queue size that no device may have as well.
  static Result<std::shared_ptr<FsDevice>> Create(FsOptions options);
  ~FsDevice() override;

  std::string_view Name() const override { return "fs"; }
  VirtioType Type() const override { return VirtioType::kFs; }
  uint64_t Features() const override;
  uint64_t UnsupportedRingFeatures() const override;
  std::span<const uint16_t> QueueSizes() const override { return queue_sizes_; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override;

  Result<> Activate(const VirtioActivation& activation) override;
  Result<> StartQueue(const EnabledQueue& queue) override;
  // Waits for the process to end what is in flight, `patience` at most: after that the connection
  // is cut and the device needs a reset.
  void StopQueue(uint16_t index) override;
  void Reset() override;

  DeviceCounters& counters() override { return counters_; }

 private:
  FsDevice(FsOptions options, std::unique_ptr<VhostUserSession> session);

  Result<> BeginActivity();
  Result<> Reconnect();
  Result<> WatchSession();
  Result<> StartRing(const EnabledQueue& queue);
  // The eventfd that the process interrupts by: the transport's, or one of ours that the loop
  // watches.
  Result<int> CallFd(uint16_t index);
  void NeedReset(const std::string& why);
  // Drops the connection, and with it all that the process has.
  void Abandon();

  const FsOptions options_;
  const uint64_t features_;  // the process's, as the driver sees them
  std::vector<uint16_t> queue_sizes_;
  std::array<uint8_t, kMaxFsTagBytes + sizeof(uint32_t)> config_ = {};
  DeviceCounters counters_;

  // Null after the connection failed.
  std::unique_ptr<VhostUserSession> session_;
  VirtioActivation activation_;
  Fd error_;                         // an eventfd by which the process reports broken rings
  std::map<uint16_t, Fd> rings_;     // those that run, with the eventfd of ours if there is one
  std::unique_ptr<EventLoop> loop_;  // while active; ends before what it watches
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VHOST_USER_FS_DEVICE_H_
