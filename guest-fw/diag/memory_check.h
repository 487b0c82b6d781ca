// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_MEMORY_CHECK_H_
#define SEALVM_GUEST_FW_DIAG_MEMORY_CHECK_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <span>

#include "guest-fw/diag/boot_info.h"

namespace sealvm::diag {

// Whole pages [start, end), addresses in bytes.
struct PageSpan {
  uint64_t start = 0;
  uint64_t end = 0;

  uint64_t size() const { return end - start; }
  friend bool operator==(const PageSpan&, const PageSpan&) = default;
};

// What of the machine's RAM can be overwritten.
class CheckPlan {
 public:
  static constexpr size_t kMaxSpans = BootInfo::kMaxRanges + 8;

  // All whole pages of the usable ranges.
  explicit CheckPlan(std::span<const MemoryRange> ranges);

  // Leaves out the pages that [start, end) touches.
  void Exclude(uint64_t start, uint64_t end);

  std::span<const PageSpan> spans() const { return {spans_, count_}; }
  uint64_t bytes() const;

  // The lowest and the highest `size` bytes that are together; nothing when no span is as large.
  // The lowest begin at a large page if there is such a place. `size` is in whole pages.
  std::optional<PageSpan> Lowest(uint64_t size) const;
  std::optional<PageSpan> Highest(uint64_t size) const;

 private:
  void Add(uint64_t start, uint64_t end);

  PageSpan spans_[kMaxSpans];
  size_t count_ = 0;
};

struct MemoryFault {
  uint64_t address = 0;
  uint64_t expected = 0;
  uint64_t found = 0;
};

// Puts a value that only this address has in every page of `spans`, and only then reads them back:
// two addresses that share a page show up. Then the same with every bit inverted. `base` is where
// guest physical address 0 is mapped. Returns the first fault.
std::optional<MemoryFault> CheckMemory(uintptr_t base, std::span<const PageSpan> spans);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_MEMORY_CHECK_H_
