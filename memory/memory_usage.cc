// SPDX-License-Identifier: Apache-2.0
#include "memory/memory_usage.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

namespace sealvm {
namespace {

using Clock = std::chrono::steady_clock;

// Counting costs the kernel a walk over the object, so it is kept away from storms of releases.
constexpr std::chrono::milliseconds kSampleInterval{100};
constexpr uint64_t kSmallPart = 64;

}  // namespace

class MemoryUsage::Counter : public FallocConsumer {
 public:
  // `memory` owns the notifier that calls, and so outlives the calls.
  explicit Counter(const PrivateMemory& memory) : memory_(memory) {}

  std::string_view Name() const override { return "statistics"; }
  void OnAllocate(BackingRange range) override {
    const std::lock_guard lock(mutex_);
    ++usage_.allocations;
    usage_.allocated_bytes += range.length;
  }
  void OnInvalidateStart(BackingRange range) override {
    const std::lock_guard lock(mutex_);
    ++usage_.releases;
    usage_.released_bytes += range.length;
    const bool small = range.length < memory_.size() / kSmallPart;
    if (!small || Clock::now() - sampled_at_ >= kSampleInterval) Sample();
  }
  void OnInvalidateEnd(BackingRange) override {}

  Snapshot Get() {
    const std::lock_guard lock(mutex_);
    Sample();
    return usage_;
  }

 private:
  void Sample() {
    usage_.bytes = memory_.AllocatedBytes().value_or(usage_.bytes);
    usage_.peak_bytes = std::max(usage_.peak_bytes, usage_.bytes);
    sampled_at_ = Clock::now();
  }

  const PrivateMemory& memory_;
  std::mutex mutex_;
  Snapshot usage_;
  Clock::time_point sampled_at_;
};

Result<std::unique_ptr<MemoryUsage>> MemoryUsage::Watch(std::shared_ptr<PrivateMemory> memory) {
  auto counter = std::make_shared<Counter>(*memory);
  auto registration = SEALVM_TRY(memory->notifier().Register(counter, 0));
  return std::unique_ptr<MemoryUsage>(
      new MemoryUsage(std::move(memory), std::move(counter), std::move(registration)));
}

MemoryUsage::MemoryUsage(std::shared_ptr<PrivateMemory> memory, std::shared_ptr<Counter> counter,
                         FallocNotifier::Registration registration)
    : memory_(std::move(memory)),
      counter_(std::move(counter)),
      registration_(std::move(registration)) {}

MemoryUsage::Snapshot MemoryUsage::Get() const { return counter_->Get(); }

}  // namespace sealvm
