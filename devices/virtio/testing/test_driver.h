// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_TESTING_TEST_DRIVER_H_
#define SEALVM_DEVICES_VIRTIO_TESTING_TEST_DRIVER_H_

#include <stdint.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "devices/virtio/virtio_device.h"
#include "memory/base/fd.h"
#include "memory/base/mutex.h"
#include "memory/guest_memory.h"
#include "memory/shared_view.h"

namespace sealvm {

// Doubles for the tests, benchmarks and fuzz targets of virtio devices: a guest's memory, its
// driver's side of the queues, and the transport between the two. Their failures abort: they are
// faults of the test.

// RAM of a guest without a CPU, all of it shared, with an allocator that never frees.
class TestGuest {
 public:
  explicit TestGuest(uint64_t ram_bytes = 16 * kMiB);

  GuestMemory& memory() { return *memory_; }
  const std::shared_ptr<SharedView>& view() const { return view_; }

  // Memory that nobody else has, aligned, filled with zeroes.
  Gpa Allocate(uint64_t length, uint64_t alignment = 16);
  // The same, holding `bytes`.
  GuestBuffer Place(std::span<const uint8_t> bytes);
  GuestBuffer Place(const std::string& text);
  GuestBuffer Room(uint32_t length);
  std::vector<uint8_t> Read(GuestBuffer buffer) const;
  std::string ReadText(GuestBuffer buffer) const;

 private:
  std::shared_ptr<GuestMemory> memory_;
  std::shared_ptr<SharedView> view_;
  Gpa next_ = kPageSize;
};

// The driver's side of a split or packed ring. One thread.
class DriverQueue {
 public:
  struct Used {
    uint16_t token = 0;  // what Add returned
    uint32_t written = 0;
  };
  struct Options {
    bool packed = false;
    bool indirect = false;   // every chain by an indirect table
    bool event_idx = false;  // negotiated; Add's kicks then follow the device's wishes
    bool in_order = false;
  };

  DriverQueue(TestGuest& guest, uint16_t size, Options options);
  ~DriverQueue();

  const QueueLayout& layout() const { return layout_; }
  // The feature bits of the options, with VERSION_1.
  uint64_t features() const;

  // Makes a request available. The ring must have room for it (room()).
  uint16_t Add(std::span<const GuestBuffer> readable, std::span<const GuestBuffer> writable);
  uint16_t room() const;  // descriptors
  // The next request that the device gave back.
  std::optional<Used> TakeUsed();
  // Whether the device wants a kick for what was added since the last call.
  bool TakeKickWanted();
  // Asks the device for interrupts, or to spare them.
  void WantInterrupts(bool wanted);

 private:
  class Ring;
  class SplitDriver;
  class PackedDriver;
  const Options options_;
  QueueLayout layout_;
  std::unique_ptr<Ring> ring_;
};

// Keeps what a device tells its transport. Thread-safe.
class RecordingTransport : public VirtioTransport {
 public:
  static constexpr std::chrono::milliseconds kPatience{120'000};

  void InterruptQueue(uint16_t queue) override;
  void InterruptConfig() override;
  void NeedReset(const Error& reason) override;
  int InterruptFd(uint16_t) override { return -1; }

  uint64_t interrupts(uint16_t queue) const;
  uint64_t config_interrupts() const;
  // The message of the first NeedReset.
  std::optional<std::string> failure() const;
  // True when `condition`, evaluated after every call from the device and at short intervals, held
  // in time.
  bool WaitUntil(const std::function<bool()>& condition);

 private:
  void Changed() SEALVM_REQUIRES(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<uint16_t, uint64_t> interrupts_ SEALVM_GUARDED_BY(mutex_);
  uint64_t config_interrupts_ SEALVM_GUARDED_BY(mutex_) = 0;
  std::optional<std::string> failure_ SEALVM_GUARDED_BY(mutex_);
  uint64_t changes_ SEALVM_GUARDED_BY(mutex_) = 0;
};

// A driver of one device: all its queues, DRIVER_OK, kicks, waiting for answers.
class TestDriver {
 public:
  // `wanted`: features to negotiate besides the rings'; those that the device lacks are left out.
  // Queues get `queue_size` entries or their maximum if that is less.
  TestDriver(TestGuest& guest, VirtioDevice& device, DriverQueue::Options options = {},
             uint64_t wanted = ~uint64_t{0}, uint16_t queue_size = 64);
  ~TestDriver();  // resets the device

  // Activates the device. The constructor does not.
  Result<> Start();
  // Resets the device; all queues are new and empty, for another Start.
  void Reset();

  TestGuest& guest() { return guest_; }
  RecordingTransport& transport() { return transport_; }
  uint64_t features() const { return features_; }
  DriverQueue& queue(uint16_t index) { return *queues_[index].ring; }

  // Adds a request and kicks.
  uint16_t Submit(uint16_t queue, std::span<const GuestBuffer> readable,
                  std::span<const GuestBuffer> writable);
  void Kick(uint16_t queue);
  // The next request that the device gave back, waited for; nothing after kPatience or when the
  // device failed.
  std::optional<DriverQueue::Used> Wait(uint16_t queue);
  // Submit and Wait for that request.
  std::optional<uint32_t> Transact(uint16_t queue, std::span<const GuestBuffer> readable,
                                   std::span<const GuestBuffer> writable);

 private:
  struct Queue {
    std::unique_ptr<DriverQueue> ring;
    Fd kick;
  };
  void MakeRings();

  TestGuest& guest_;
  VirtioDevice& device_;
  const DriverQueue::Options options_;
  uint64_t features_ = 0;
  uint16_t queue_size_;
  RecordingTransport transport_;
  std::vector<Queue> queues_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_TESTING_TEST_DRIVER_H_
