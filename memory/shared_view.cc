// SPDX-License-Identifier: Apache-2.0
#include "memory/shared_view.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace sealvm {

// The ranges whose pages are on their way out.
class SharedView::LeavingRanges : public FallocConsumer {
 public:
  explicit LeavingRanges(std::shared_ptr<LentRanges> lent) : lent_(std::move(lent)) {}

  std::string_view Name() const override { return "device view"; }
  void OnAllocate(BackingRange) override {}
  void OnInvalidateStart(BackingRange range) override {
    {
      const std::lock_guard lock(mutex_);  // waits for the accesses under way
      ranges_.push_back(range);
    }
    lent_->WaitUntilReturned(range);
  }
  void OnInvalidateEnd(BackingRange range) override {
    const std::lock_guard lock(mutex_);
    ranges_.erase(std::ranges::find(ranges_, range));
  }

  // Keeps the pages of `wanted` until the lock is given up.
  Result<std::shared_lock<std::shared_mutex>> Hold(std::span<const BackingRange> wanted) {
    std::shared_lock lock(mutex_);
    for (const BackingRange leaving : ranges_) {
      const auto overlaps = [&](BackingRange range) { return range.Overlaps(leaving); };
      if (std::ranges::any_of(wanted, overlaps)) {
        return InvalidInput("the guest's memory there is being released");
      }
    }
    return lock;
  }

 private:
  const std::shared_ptr<LentRanges> lent_;
  std::shared_mutex mutex_;
  std::vector<BackingRange> ranges_;
};

Result<std::shared_ptr<SharedView>> SharedView::Create(
    std::shared_ptr<GuestMemory> memory, std::shared_ptr<PageConversions> conversions) {
  auto lent = conversions ? conversions->lent() : std::make_shared<LentRanges>();
  auto leaving = std::make_shared<LeavingRanges>(lent);
  auto registration = SEALVM_TRY(memory->backing().notifier().Register(leaving, 0));
  return std::shared_ptr<SharedView>(new SharedView(std::move(memory), std::move(conversions),
                                                    std::move(lent), std::move(leaving),
                                                    std::move(registration)));
}

SharedView::SharedView(std::shared_ptr<GuestMemory> memory,
                       std::shared_ptr<PageConversions> conversions,
                       std::shared_ptr<LentRanges> lent, std::shared_ptr<LeavingRanges> leaving,
                       FallocNotifier::Registration registration)
    : memory_(std::move(memory)),
      conversions_(std::move(conversions)),
      lent_(std::move(lent)),
      leaving_(std::move(leaving)),
      registration_(std::move(registration)) {}

Result<SharedView::Locks> SharedView::TryLock(std::span<const GuestBuffer> buffers,
                                              std::span<BackingRange> ranges) const {
  Locks locks;
  if (conversions_) locks.conversions = SEALVM_TRY(conversions_->HoldShared(buffers));
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto [gpa, length] = buffers[i];
    const std::optional<BackingRange> range = memory_->layout().BackingOf(gpa, length);
    if (!range) return InvalidInput(fmt::format("GPA {:#x}+{:#x} is not RAM", gpa, length));
    ranges[i] = *range;
  }
  locks.releases = SEALVM_TRY(leaving_->Hold(ranges));
  return locks;
}

Result<SharedView::Locks> SharedView::Lock(std::span<const GuestBuffer> buffers,
                                           std::span<BackingRange> ranges) const {
  Result<Locks> locks = TryLock(buffers, ranges);
  if (!locks) refused_.fetch_add(1, std::memory_order_relaxed);
  return locks;
}

Result<SharedView::Access> SharedView::Enter(Gpa gpa, uint64_t length) const {
  if (length > std::numeric_limits<uint32_t>::max()) {
    return InvalidInput(fmt::format("{} bytes are too many for one access", length));
  }
  const GuestBuffer buffer{gpa, static_cast<uint32_t>(length)};
  BackingRange range;
  Locks locks = SEALVM_TRY(Lock({&buffer, 1}, {&range, 1}));
  return Access{std::move(locks), memory_->HostAddress(range)};
}

Result<SharedView::Access> SharedView::EnterAligned(Gpa gpa, uint64_t length) const {
  if (gpa % length != 0) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return InvalidInput(fmt::format("GPA {:#x} is not aligned to {} bytes", gpa, length));
  }
  return Enter(gpa, length);
}

Result<> SharedView::Read(Gpa gpa, std::span<uint8_t> out) const {
  const Access access = SEALVM_TRY(Enter(gpa, out.size()));
  if (!out.empty()) memcpy(out.data(), access.at, out.size());
  return {};
}

Result<> SharedView::Write(Gpa gpa, std::span<const uint8_t> bytes) {
  const Access access = SEALVM_TRY(Enter(gpa, bytes.size()));
  if (!bytes.empty()) memcpy(access.at, bytes.data(), bytes.size());
  return {};
}

Result<> SharedView::Check(std::span<const GuestBuffer> buffers) const {
  std::array<BackingRange, 16> ranges;
  while (!buffers.empty()) {
    const size_t count = std::min(buffers.size(), ranges.size());
    const Locks locks = SEALVM_TRY(Lock(buffers.first(count), std::span(ranges).first(count)));
    buffers = buffers.subspan(count);
  }
  return {};
}

// Lent before the locks that guard the check are given up.
Result<SharedView::Lease> SharedView::Borrow(std::span<const GuestBuffer> buffers) {
  std::vector<BackingRange> ranges(buffers.size());
  const Locks locks = SEALVM_TRY(Lock(buffers, ranges));
  Lease lease;
  lease.iovecs_.reserve(buffers.size());
  for (const BackingRange range : ranges) {
    lease.iovecs_.push_back({.iov_base = memory_->HostAddress(range), .iov_len = range.length});
  }
  lease.ticket_ = lent_->Lend(std::move(ranges));
  return lease;
}

}  // namespace sealvm
