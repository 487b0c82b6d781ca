// SPDX-License-Identifier: Apache-2.0
#include "memory/shared_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace sealvm {

// The ranges whose pages are on their way out.
class SharedView::LeavingRanges : public FallocConsumer {
 public:
  std::string_view Name() const override { return "device view"; }
  void OnAllocate(BackingRange) override {}
  void OnInvalidateStart(BackingRange range) override {
    const std::lock_guard lock(mutex_);  // waits for the accesses under way
    ranges_.push_back(range);
  }
  void OnInvalidateEnd(BackingRange range) override {
    const std::lock_guard lock(mutex_);
    ranges_.erase(std::ranges::find(ranges_, range));
  }

  // Calls `use` unless pages of `bytes` are leaving, and keeps them until it returns.
  Result<> WithPages(BackingRange bytes, const std::function<Result<>()>& use) {
    const std::shared_lock lock(mutex_);
    const auto overlaps = [&](const BackingRange& range) { return range.Overlaps(bytes); };
    if (std::ranges::any_of(ranges_, overlaps)) {
      return InvalidInput("the guest's memory there is being released");
    }
    return use();
  }

 private:
  std::shared_mutex mutex_;
  std::vector<BackingRange> ranges_;
};

Result<std::shared_ptr<SharedView>> SharedView::Create(
    std::shared_ptr<GuestMemory> memory, std::shared_ptr<PageConversions> conversions) {
  auto leaving = std::make_shared<LeavingRanges>();
  auto registration = SEALVM_TRY(memory->backing().notifier().Register(leaving, 0));
  return std::shared_ptr<SharedView>(new SharedView(std::move(memory), std::move(conversions),
                                                    std::move(leaving), std::move(registration)));
}

SharedView::SharedView(std::shared_ptr<GuestMemory> memory,
                       std::shared_ptr<PageConversions> conversions,
                       std::shared_ptr<LeavingRanges> leaving,
                       FallocNotifier::Registration registration)
    : memory_(std::move(memory)),
      conversions_(std::move(conversions)),
      leaving_(std::move(leaving)),
      registration_(std::move(registration)) {}

Result<> SharedView::Guarded(Gpa gpa, uint64_t length, const std::function<Result<>()>& use) const {
  const auto use_pages = [&]() -> Result<> {
    const std::optional<BackingRange> bytes = memory_->layout().BackingOf(gpa, length);
    if (!bytes) return InvalidInput(fmt::format("GPA {:#x}+{:#x} is not RAM", gpa, length));
    return leaving_->WithPages(*bytes, use);
  };
  Result<> result = conversions_ ? conversions_->WithShared(gpa, length, use_pages) : use_pages();
  if (!result) refused_.fetch_add(1, std::memory_order_relaxed);
  return result;
}

Result<> SharedView::Read(Gpa gpa, std::span<uint8_t> out) const {
  return Guarded(gpa, out.size(), [&] { return memory_->Read(gpa, out); });
}

Result<> SharedView::Write(Gpa gpa, std::span<const uint8_t> bytes) {
  return Guarded(gpa, bytes.size(), [&] { return memory_->Write(gpa, bytes); });
}

}  // namespace sealvm
