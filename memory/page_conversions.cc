// SPDX-License-Identifier: Apache-2.0
#include "memory/page_conversions.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace sealvm {

Result<std::shared_ptr<PageConversions>> PageConversions::Create(
    const GuestLayout& layout, std::shared_ptr<PrivateMemory> private_half,
    std::shared_ptr<PrivateMemory> shared_half, Gpa always_shared_end) {
  if (private_half->size() != layout.ram_size() || shared_half->size() != layout.ram_size()) {
    return HostError("a half of the guest's memory does not have the size of its RAM");
  }
  if (always_shared_end % kPageSize != 0 || always_shared_end > layout.low_ram().size) {
    return HostError("the memory that is always shared does not end at a page of low RAM");
  }
  PageSet shared = SEALVM_TRY(PageSet::Create(layout.ram_size()));
  shared.Add({0, always_shared_end});
  return std::shared_ptr<PageConversions>(
      new PageConversions(layout, std::move(private_half), std::move(shared_half),
                          always_shared_end, std::move(shared)));
}

PageConversions::PageConversions(const GuestLayout& layout,
                                 std::shared_ptr<PrivateMemory> private_half,
                                 std::shared_ptr<PrivateMemory> shared_half, Gpa always_shared_end,
                                 PageSet shared)
    : layout_(layout),
      private_half_(std::move(private_half)),
      shared_half_(std::move(shared_half)),
      always_shared_end_(always_shared_end),
      shared_(std::move(shared)) {}

Result<BackingRange> PageConversions::Translate(Gpa gpa, uint64_t length) const {
  const std::optional<BackingRange> bytes = layout_.BackingOf(gpa, length);
  if (bytes) return *bytes;
  return InvalidInput(fmt::format("GPA {:#x}+{:#x} is not RAM", gpa, length));
}

BackingRange PageConversions::Convertible(BackingRange range) const {
  const uint64_t end = range.offset + range.length;
  const uint64_t begin = std::clamp(always_shared_end_, range.offset, end);
  return {begin, end - begin};
}

Result<BackingRange> PageConversions::Accept(Gpa gpa, uint64_t length) {
  const bool whole_pages = gpa % kPageSize == 0 && length % kPageSize == 0 && length > 0;
  Result<BackingRange> range = whole_pages
                                   ? Translate(gpa, length)
                                   : Result<BackingRange>(InvalidInput(fmt::format(
                                         "GPA {:#x}+{:#x} is not whole pages", gpa, length)));
  if (!range) {
    ++counters_.refused;
    return range;
  }
  return Convertible(*range);
}

Result<> PageConversions::ToShared(Gpa gpa, uint64_t length) {
  const std::lock_guard lock(mutex_);
  const BackingRange range = SEALVM_TRY(Accept(gpa, length));
  ++counters_.to_shared;
  return MakeShared(range);
}

Result<> PageConversions::ToPrivate(Gpa gpa, uint64_t length) {
  const std::lock_guard lock(mutex_);
  const BackingRange range = SEALVM_TRY(Accept(gpa, length));
  if (lent_->Overlaps(range)) {
    ++counters_.refused;
    return InvalidInput(fmt::format("GPA {:#x}+{:#x}: a device's I/O is under way", gpa, length));
  }
  ++counters_.to_private;
  return MakePrivate(range);
}

// The guest gave its private pages up before it asked, so they go first; the shared half is
// populated by whoever touches it.
Result<> PageConversions::MakeShared(BackingRange range) {
  SEALVM_TRY(shared_.ForEachRun(range, false,
                                [this](BackingRange run) { return private_half_->Release(run); }));
  shared_.Add(range);
  return {};
}

// Devices lose the range before its shared pages go. The private half is populated now, so that a
// host without memory is an answer to the guest and not a fault that it cannot handle.
Result<> PageConversions::MakePrivate(BackingRange range) {
  std::vector<BackingRange> runs;
  SEALVM_TRY(shared_.ForEachRun(range, true, [&runs](BackingRange run) -> Result<> {
    runs.push_back(run);
    return {};
  }));
  for (const BackingRange run : runs) {
    SEALVM_TRY(private_half_->Allocate(run));
    shared_.Remove(run);
    SEALVM_TRY(shared_half_->Release(run));
  }
  return {};
}

Result<std::shared_lock<std::shared_mutex>> PageConversions::HoldShared(
    std::span<const GuestBuffer> buffers) const {
  std::shared_lock lock(mutex_);
  for (const auto [gpa, length] : buffers) {
    const BackingRange bytes = SEALVM_TRY(Translate(gpa, length));
    const uint64_t begin = PageFloor(bytes.offset);
    const uint64_t end = PageCeil(bytes.offset + bytes.length);
    if (!shared_.ContainsAll({begin, end - begin})) {
      return InvalidInput(fmt::format("GPA {:#x}+{:#x} is private", gpa, length));
    }
  }
  return lock;
}

bool PageConversions::IsShared(Gpa gpa) const {
  const GuestBuffer byte{gpa, 1};
  return HoldShared({&byte, 1}).has_value();
}

PageConversions::Counters PageConversions::counters() const {
  const std::shared_lock lock(mutex_);
  Counters counters = counters_;
  counters.shared_bytes = shared_.bytes();
  counters.private_bytes = layout_.ram_size() - shared_.bytes();
  return counters;
}

}  // namespace sealvm
