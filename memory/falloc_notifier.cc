// SPDX-License-Identifier: Apache-2.0
#include "memory/falloc_notifier.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <utility>

namespace sealvm {

VmIdentity NewVmIdentity() {
  static std::atomic<VmIdentity> last = 0;
  return ++last;
}

// One consumer's place in the chain, with the number of calls under way.
struct FallocNotifier::Entry {
  explicit Entry(std::shared_ptr<FallocConsumer> c) : consumer(std::move(c)) {}

  // False when the consumer has left.
  bool Enter() {
    const std::lock_guard lock(mutex);
    if (left) return false;
    ++calls;
    return true;
  }

  void Leave() {
    const std::lock_guard lock(mutex);
    if (--calls == 0) idle.notify_all();
  }

  void LeaveForGood() {
    std::unique_lock lock(mutex);
    left = true;
    idle.wait(lock, [this] { return calls == 0; });
  }

  const std::shared_ptr<FallocConsumer> consumer;
  std::mutex mutex;
  std::condition_variable idle;
  int calls = 0;
  bool left = false;
};

FallocNotifier::FallocNotifier(Sharing sharing) : sharing_(sharing) {}

FallocNotifier::Registration& FallocNotifier::Registration::operator=(
    Registration&& other) noexcept {
  if (this != &other) {
    Reset();
    entry_ = std::move(other.entry_);
  }
  return *this;
}

void FallocNotifier::Registration::Reset() {
  if (entry_ == nullptr) return;
  entry_->LeaveForGood();
  entry_.reset();
}

Result<FallocNotifier::Registration> FallocNotifier::Register(
    std::shared_ptr<FallocConsumer> consumer, VmIdentity vm) {
  const std::lock_guard lock(mutex_);
  if (sharing_ == Sharing::kOneVm && vm != 0) {
    if (owner_ != 0 && owner_ != vm) {
      return Refused(
          fmt::format("{}: the memory belongs to another virtual machine", consumer->Name()),
          "make a memory object for each");
    }
    owner_ = vm;
  }
  auto entry = std::make_shared<Entry>(std::move(consumer));
  std::erase_if(entries_, [](const std::weak_ptr<Entry>& old) { return old.expired(); });
  entries_.push_back(entry);
  return Registration(std::move(entry));
}

std::vector<std::shared_ptr<FallocNotifier::Entry>> FallocNotifier::Enter() {
  std::vector<std::shared_ptr<Entry>> entered;
  const std::lock_guard lock(mutex_);
  for (const std::weak_ptr<Entry>& weak : entries_) {
    std::shared_ptr<Entry> entry = weak.lock();
    if (entry != nullptr && entry->Enter()) entered.push_back(std::move(entry));
  }
  return entered;
}

void FallocNotifier::NotifyAllocated(BackingRange range) {
  for (const std::shared_ptr<Entry>& entry : Enter()) {
    entry->consumer->OnAllocate(range);
    entry->Leave();
  }
}

FallocNotifier::Invalidation::Invalidation(FallocNotifier& notifier, BackingRange range)
    : range_(range), entries_(notifier.Enter()) {
  for (const std::shared_ptr<Entry>& entry : entries_) entry->consumer->OnInvalidateStart(range_);
}

// In reverse, so that the consumer which stopped last goes on first.
FallocNotifier::Invalidation::~Invalidation() {
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    (*entry)->consumer->OnInvalidateEnd(range_);
    (*entry)->Leave();
  }
}

size_t FallocNotifier::consumers() const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const std::weak_ptr<Entry>& entry : entries_) count += entry.expired() ? 0 : 1;
  return count;
}

}  // namespace sealvm
