// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_CONSOLE_CONSOLE_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_CONSOLE_CONSOLE_DEVICE_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "devices/serial/ring_buffer.h"
#include "devices/virtio/chain_io.h"
#include "devices/virtio/loop_device.h"
#include "memory/base/mutex.h"

namespace sealvm {

// What a console tells its host. Each may be empty. Both are called without the console's lock.
struct ConsoleCallbacks {
  // Bytes that the guest sent, in order, at most ConsoleDevice::kOutputChunk at once. Called on the
  // device's thread, and before the driver is up on that of a vCPU which makes emergency writes;
  // never concurrently with itself. While it blocks, only this device's queues wait, and whoever
  // resets the device.
  std::function<void(std::span<const uint8_t>)> output = {};

  // Input has space again after EnqueueInput took less than it was given. Called on the device's
  // thread; must not block.
  std::function<void()> on_input_space = {};
};

struct ConsoleOptions {
  // Powers of two, at most kMaxQueueSize.
  uint16_t receive_queue_size = 64;
  uint16_t transmit_queue_size = 64;
  // The terminal's size at first.
  uint16_t cols = 80;
  uint16_t rows = 25;
};

// A console with one port (Virtual I/O Device 1.3 section 5.3), its size and emergency writes.
// EnqueueInput and Resize are thread-safe; they must have ended before the device is destroyed.
class ConsoleDevice : public LoopDevice {
 public:
  static constexpr size_t kOutputChunk = 4096;
  static constexpr size_t kInputCapacity = 4096;

  static Result<std::shared_ptr<ConsoleDevice>> Create(const ConsoleOptions& options,
                                                       ConsoleCallbacks callbacks);
  ~ConsoleDevice() override;

  std::string_view Name() const override { return "console"; }
  VirtioType Type() const override { return VirtioType::kConsole; }
  uint64_t Features() const override;
  std::span<const uint16_t> QueueSizes() const override { return queue_sizes_; }
  void ReadConfig(uint64_t offset, std::span<uint8_t> out) override;
  void WriteConfig(uint64_t offset, std::span<const uint8_t> bytes) override;

  // Gives bytes to the guest; returns how many were taken, from the first. What no driver takes yet
  // waits, over resets as well.
  size_t EnqueueInput(std::span<const uint8_t> bytes) SEALVM_EXCLUDES(mutex_);

  // The host's terminal has this size now.
  void Resize(uint16_t cols, uint16_t rows) SEALVM_EXCLUDES(mutex_);

 protected:
  Result<> OnQueueStart(RunningQueue& queue) override;
  bool OnKick(RunningQueue& queue) override;
  void OnQueueStop(RunningQueue& queue) override;

 private:
  // A transmit request of which a part was read; the cursor points into the chain.
  struct Transmission {
    DescriptorChain chain;
    std::optional<ChainCursor> cursor;
  };

  ConsoleDevice(const ConsoleOptions& options, ConsoleCallbacks callbacks);

  bool Receive(RunningQueue& queue);
  void ReceiveInto(RunningQueue& queue, const DescriptorChain& chain);
  size_t TakeInput(std::span<uint8_t> out) SEALVM_EXCLUDES(mutex_);
  bool HasInput() SEALVM_EXCLUDES(mutex_);
  bool TakeInputSpace() SEALVM_EXCLUDES(mutex_);

  bool Transmit(RunningQueue& queue);
  bool NextTransmission(RunningQueue& queue);
  // Reads and emits some of the request under way; returns how much.
  size_t TransmitChunk(RunningQueue& queue);
  void Emit(std::span<const uint8_t> bytes);
  void EmergencyWrite(uint8_t byte) SEALVM_EXCLUDES(mutex_);
  void EmitEmergencyWrites() SEALVM_EXCLUDES(mutex_);

  const std::array<uint16_t, 2> queue_sizes_;
  const ConsoleCallbacks callbacks_;

  // The loop's thread.
  Transmission transmission_;

  Mutex mutex_;
  // Where to post news; null while no queue runs.
  EventLoop* news_loop_ SEALVM_GUARDED_BY(mutex_) = nullptr;
  int running_queues_ SEALVM_GUARDED_BY(mutex_) = 0;
  uint16_t cols_ SEALVM_GUARDED_BY(mutex_);
  uint16_t rows_ SEALVM_GUARDED_BY(mutex_);
  RingBuffer<uint8_t, kInputCapacity> input_ SEALVM_GUARDED_BY(mutex_);
  bool input_posted_ SEALVM_GUARDED_BY(mutex_) = false;
  bool input_refused_ SEALVM_GUARDED_BY(mutex_) = false;
  std::vector<uint8_t> emergency_ SEALVM_GUARDED_BY(mutex_);
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_CONSOLE_CONSOLE_DEVICE_H_
