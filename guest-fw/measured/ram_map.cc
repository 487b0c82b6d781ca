// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/ram_map.h"

#include <algorithm>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

bool Overlap(const Range& a, const Range& b) { return a.base < b.end() && b.base < a.end(); }

// Accepts what of [base, end) is not in one of two holes, which are sorted.
Failure AcceptAround(Isolation& isolation, const Range& range, const Range (&holes)[2]) {
  uint64_t done = range.base;
  for (const Range& hole : holes) {
    if (!Overlap(hole, {.base = done, .size = range.end() - done})) continue;
    if (hole.base > done) {
      SEALVM_FW_TRY(isolation.Accept({.base = done, .size = hole.base - done}));
    }
    done = std::min(hole.end(), range.end());
  }
  if (done == range.end()) return Failure::kNone;
  return isolation.Accept({.base = done, .size = range.end() - done});
}

}  // namespace

Failure RamMap::Add(const Range& range) {
  const bool whole = range.size != 0 && (range.base | range.size) % kSmallPage == 0;
  if (!whole || range.base >= limit_ || range.size > limit_ - range.base) {
    return Failure::kMemoryMap;
  }
  if (Overlap(range, kDeviceHole) || count_ == kMaxRanges) return Failure::kMemoryMap;
  size_t at = count_;
  for (; at > 0 && ranges_[at - 1].base > range.base; --at) ranges_[at] = ranges_[at - 1];
  ranges_[at] = range;
  ++count_;
  const bool before = at > 0 && Overlap(ranges_[at - 1], range);
  const bool after = at + 1 < count_ && Overlap(ranges_[at + 1], range);
  return before || after ? Failure::kMemoryMap : Failure::kNone;
}

Failure RamMap::Finish() {
  // Hosts may describe the same RAM in pieces.
  size_t merged = 0;
  for (size_t i = 1; i < count_; ++i) {
    if (ranges_[merged].end() == ranges_[i].base) {
      ranges_[merged].size += ranges_[i].size;
    } else {
      ranges_[++merged] = ranges_[i];
    }
  }
  if (count_ != 0) count_ = merged + 1;
  if (count_ == 0 || ranges_[0].base != 0 || ranges_[0].end() <= kVideoHole.end()) {
    return Failure::kMemoryMap;
  }
  bottom_ = kVideoHole.end();
  top_ = ranges_[0].end();
  return Failure::kNone;
}

bool RamMap::TakeTop(uint64_t size, uint64_t limit, uint64_t* base) {
  const uint64_t end = std::min(top_, limit);
  if (end < bottom_ || size > end - bottom_) return false;
  const uint64_t start = (end - size) & ~(kSmallPage - 1);
  if (start < bottom_) return false;
  *base = start;
  top_ = start;
  return true;
}

bool RamMap::TakeAt(uint64_t base, uint64_t size) {
  if (base < bottom_ || base > top_ || size > top_ - base) return false;
  bottom_ = base + size;
  return true;
}

bool RamMap::TakeBottom(uint64_t size, uint64_t alignment, uint64_t* base) {
  const uint64_t start = (bottom_ + alignment - 1) & ~(alignment - 1);
  if (!TakeAt(start, size)) return false;
  *base = start;
  return true;
}

Failure AcceptRam(Isolation& isolation, IsolationKind kind, const RamMap& ram) {
  constexpr Range kWork = {.base = WORK_BASE, .size = SHARED_END - WORK_BASE};
  const Range second = kind == IsolationKind::kTdx ? Range{} : kVideoHole;
  for (size_t i = 0; i < ram.count(); ++i) {
    SEALVM_FW_TRY(AcceptAround(isolation, ram.range(i), {kWork, second}));
  }
  return Failure::kNone;
}

}  // namespace sealvm::measured
