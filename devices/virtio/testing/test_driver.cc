// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/testing/test_driver.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "devices/virtio/testing/must.h"
#include "memory/memfd_provider.h"

namespace sealvm {

TestGuest::TestGuest(uint64_t ram_bytes) {
  const GuestLayout layout = Must(GuestLayout::Create(ram_bytes));
  memory_ = std::make_shared<GuestMemory>(
      Must(GuestMemory::Create(layout, Must(MemfdProvider().Create(ram_bytes, {})))));
  view_ = Must(SharedView::Create(memory_, nullptr));
}

Gpa TestGuest::Allocate(uint64_t length, uint64_t alignment) {
  const Gpa gpa = (next_ + alignment - 1) / alignment * alignment;
  MustHold(memory_->Contains(gpa, length), "the test guest has no RAM left");
  next_ = gpa + length;
  return gpa;
}

GuestBuffer TestGuest::Place(std::span<const uint8_t> bytes) {
  const GuestBuffer buffer = Room(static_cast<uint32_t>(bytes.size()));
  Must(view_->Write(buffer.gpa, bytes));
  return buffer;
}

GuestBuffer TestGuest::Place(const std::string& text) {
  return Place({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

GuestBuffer TestGuest::Room(uint32_t length) { return {Allocate(length), length}; }

std::vector<uint8_t> TestGuest::Read(GuestBuffer buffer) const {
  std::vector<uint8_t> bytes(buffer.length);
  Must(view_->Read(buffer.gpa, bytes));
  return bytes;
}

std::string TestGuest::ReadText(GuestBuffer buffer) const {
  const std::vector<uint8_t> bytes = Read(buffer);
  return {bytes.begin(), bytes.end()};
}

void RecordingTransport::InterruptQueue(uint16_t queue) {
  const MutexLock lock(mutex_);
  ++interrupts_[queue];
  Changed();
}

void RecordingTransport::InterruptConfig() {
  const MutexLock lock(mutex_);
  ++config_interrupts_;
  Changed();
}

void RecordingTransport::NeedReset(const Error& reason) {
  const MutexLock lock(mutex_);
  if (!failure_) failure_ = reason.message;
  Changed();
}

void RecordingTransport::Changed() {
  ++changes_;
  changed_.NotifyAll();
}

uint64_t RecordingTransport::interrupts(uint16_t queue) const {
  const MutexLock lock(mutex_);
  const auto found = interrupts_.find(queue);
  return found == interrupts_.end() ? 0 : found->second;
}

uint64_t RecordingTransport::config_interrupts() const {
  const MutexLock lock(mutex_);
  return config_interrupts_;
}

std::optional<std::string> RecordingTransport::failure() const {
  const MutexLock lock(mutex_);
  return failure_;
}

bool RecordingTransport::WaitUntil(const std::function<bool()>& condition) {
  // For conditions that come true without a call from the device.
  constexpr std::chrono::milliseconds kLookAgain{2};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const uint64_t seen = [this] {
      const MutexLock lock(mutex_);
      return changes_;
    }();
    if (condition()) return true;
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    const MutexLock lock(mutex_);
    while (changes_ == seen && changed_.WaitUntil(mutex_, now + kLookAgain)) {
    }
  }
}

TestDriver::TestDriver(TestGuest& guest, VirtioDevice& device, DriverQueue::Options options,
                       uint64_t wanted, uint16_t queue_size)
    : guest_(guest), device_(device), options_(options), queue_size_(queue_size) {
  for (size_t i = 0; i < device_.QueueSizes().size(); ++i) {
    queues_.push_back({nullptr, Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))});
    MustHold(queues_.back().kick.valid(), "eventfd failed");
  }
  MakeRings();
  // Buffers in order are the ring's matter on this side, the device's on the other.
  const uint64_t rings = queues_.empty() ? kFeatureVersion1 : queues_[0].ring->features();
  features_ = (device_.Features() & wanted & ~kFeatureInOrder) |
              (rings & (device_.Features() | ~kFeatureInOrder));
}

TestDriver::~TestDriver() { device_.Reset(); }

void TestDriver::MakeRings() {
  for (size_t i = 0; i < queues_.size(); ++i) {
    queues_[i].ring = std::make_unique<DriverQueue>(
        guest_, std::min(device_.QueueSizes()[i], queue_size_), options_);
  }
}

Result<> TestDriver::Start() {
  VirtioActivation activation = {features_, guest_.view(), &transport_, {}};
  for (size_t i = 0; i < queues_.size(); ++i) {
    activation.queues.push_back(
        {static_cast<uint16_t>(i), queues_[i].ring->layout(), queues_[i].kick.get()});
  }
  return device_.Activate(activation);
}

void TestDriver::Reset() {
  device_.Reset();
  MakeRings();
}

uint16_t TestDriver::Submit(uint16_t queue, std::span<const GuestBuffer> readable,
                            std::span<const GuestBuffer> writable) {
  const uint16_t token = queues_[queue].ring->Add(readable, writable);
  Kick(queue);
  return token;
}

void TestDriver::Kick(uint16_t queue) {
  if (!queues_[queue].ring->TakeKickWanted()) return;
  MustHold(eventfd_write(queues_[queue].kick.get(), 1) == 0, "a kick failed");
}

std::optional<DriverQueue::Used> TestDriver::Wait(uint16_t queue) {
  std::optional<DriverQueue::Used> used;
  transport_.WaitUntil([&] {
    // A failure that comes after the look at the ring must not hide what was given back before.
    const bool failed = transport_.failure().has_value();
    used = queues_[queue].ring->TakeUsed();
    return used.has_value() || failed;
  });
  return used;
}

std::optional<uint32_t> TestDriver::Transact(uint16_t queue, std::span<const GuestBuffer> readable,
                                             std::span<const GuestBuffer> writable) {
  const uint16_t token = Submit(queue, readable, writable);
  while (const auto used = Wait(queue)) {
    if (used->token == token) return used->written;
  }
  return std::nullopt;
}

}  // namespace sealvm
