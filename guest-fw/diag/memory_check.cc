// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/memory_check.h"

namespace sealvm::diag {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kLargePage = uint64_t{2} << 20;

uint64_t RoundUp(uint64_t address) {
  return address > UINT64_MAX - kPage ? UINT64_MAX & ~(kPage - 1)
                                      : (address + kPage - 1) & ~(kPage - 1);
}
uint64_t RoundDown(uint64_t address) { return address & ~(kPage - 1); }

// Multiplication by an odd number maps the 64-bit values one to one, so no two pages share a value.
uint64_t Pattern(uint64_t page) { return page * 0x9e37'79b9'7f4a'7c15; }

// The same word in every page: only so does any page that appears twice show.
volatile uint64_t* Word(uintptr_t base, uint64_t page) {
  return reinterpret_cast<volatile uint64_t*>(base + page);
}

void WritePatterns(uintptr_t base, const PageSpan& span) {
  for (uint64_t page = span.start; page < span.end; page += kPage) {
    *Word(base, page) = Pattern(page);
  }
}

// Checks Pattern ^ `flip`, leaves the inverse of what was expected.
std::optional<MemoryFault> VerifyAndInvert(uintptr_t base, const PageSpan& span, uint64_t flip) {
  for (uint64_t page = span.start; page < span.end; page += kPage) {
    volatile uint64_t* word = Word(base, page);
    const uint64_t found = *word;
    const uint64_t expected = Pattern(page) ^ flip;
    if (found != expected) {
      return MemoryFault{page, expected, found};
    }
    *word = ~expected;
  }
  return std::nullopt;
}

}  // namespace

CheckPlan::CheckPlan(std::span<const MemoryRange> ranges) {
  for (const MemoryRange& range : ranges) {
    if (range.type == RangeType::kUsable) {
      Add(RoundUp(range.base), RoundDown(range.end()));
    }
  }
}

void CheckPlan::Add(uint64_t start, uint64_t end) {
  if (start < end && count_ < kMaxSpans) {
    spans_[count_++] = {start, end};
  }
}

void CheckPlan::Exclude(uint64_t start, uint64_t end) {
  start = RoundDown(start);
  end = RoundUp(end);
  const size_t count = count_;
  for (size_t i = 0; i < count; ++i) {
    const PageSpan span = spans_[i];
    if (start >= end || start >= span.end || end <= span.start) {
      continue;
    }
    // The part before stays in place, possibly empty; the part behind is a new span.
    spans_[i].end = start > span.start ? start : span.start;
    Add(end, span.end);
  }
}

uint64_t CheckPlan::bytes() const {
  uint64_t bytes = 0;
  for (const PageSpan& span : spans()) {
    bytes += span.size();
  }
  return bytes;
}

std::optional<PageSpan> CheckPlan::Lowest(uint64_t size) const {
  std::optional<PageSpan> lowest;
  for (const uint64_t alignment : {kLargePage, kPage}) {
    for (const PageSpan& span : spans()) {
      const uint64_t start = (span.start + alignment - 1) & ~(alignment - 1);
      const bool fits = start >= span.start && start <= span.end && size <= span.end - start;
      if (fits && (!lowest || start < lowest->start)) {
        lowest = {start, start + size};
      }
    }
    if (lowest) {
      return lowest;
    }
  }
  return std::nullopt;
}

std::optional<PageSpan> CheckPlan::Highest(uint64_t size) const {
  std::optional<PageSpan> highest;
  for (const PageSpan& span : spans()) {
    if (size <= span.size() && (!highest || span.end > highest->end)) {
      highest = {span.end - size, span.end};
    }
  }
  return highest;
}

std::optional<MemoryFault> CheckMemory(uintptr_t base, std::span<const PageSpan> spans) {
  for (const PageSpan& span : spans) {
    WritePatterns(base, span);
  }
  for (const uint64_t flip : {uint64_t{0}, UINT64_MAX}) {
    for (const PageSpan& span : spans) {
      if (auto fault = VerifyAndInvert(base, span, flip)) {
        return fault;
      }
    }
  }
  return std::nullopt;
}

}  // namespace sealvm::diag
