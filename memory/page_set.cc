// SPDX-License-Identifier: Apache-2.0
#include "memory/page_set.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "memory/guest_layout.h"

namespace sealvm {
namespace {

constexpr uint64_t kBitsPerWord = 64;

// Bits [first, last) of a word.
constexpr uint64_t Mask(uint64_t first, uint64_t last) {
  const uint64_t below_last = last == kBitsPerWord ? UINT64_MAX : (uint64_t{1} << last) - 1;
  return below_last & ~((uint64_t{1} << first) - 1);
}

}  // namespace

Result<PageSet> PageSet::Create(uint64_t size) {
  if (size == 0 || size % kPageSize != 0) return InvalidInput("a page set needs whole pages");
  const uint64_t pages = size / kPageSize;
  const uint64_t words = pages / kBitsPerWord + 1;
  // Mapped and not allocated: the kernel gives pages of it only where a bit is set.
  Mapping mapping =
      SEALVM_TRY(Mapping::Create(words * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0, "page set"));
  return PageSet(std::move(mapping), size);
}

PageSet::PageSet(Mapping words, uint64_t size) : words_(std::move(words)), size_(size) {}

uint64_t PageSet::Assign(BackingRange range, bool member) {
  uint64_t changed = 0;
  uint64_t page = range.offset / kPageSize;
  const uint64_t end = (range.offset + range.length) / kPageSize;
  while (page < end) {
    uint64_t& word = words()[page / kBitsPerWord];
    const uint64_t first = page % kBitsPerWord;
    const uint64_t last = std::min(kBitsPerWord, first + (end - page));
    const uint64_t old = word;
    const uint64_t mask = Mask(first, last);
    const uint64_t updated = member ? old | mask : old & ~mask;
    // Writing an unchanged zero would make the kernel allocate.
    if (updated != old) word = updated;
    changed += static_cast<uint64_t>(std::popcount(old ^ updated));
    page += last - first;
  }
  changed *= kPageSize;
  bytes_ += member ? changed : -changed;
  return changed;
}

uint64_t PageSet::Find(uint64_t page, uint64_t end, bool member) const {
  while (page < end) {
    const uint64_t word = words()[page / kBitsPerWord];
    const uint64_t first = page % kBitsPerWord;
    const uint64_t candidates = (member ? word : ~word) & Mask(first, kBitsPerWord);
    if (candidates != 0) {
      return std::min(end, page - first + static_cast<uint64_t>(std::countr_zero(candidates)));
    }
    page += kBitsPerWord - first;
  }
  return end;
}

bool PageSet::ContainsAll(BackingRange range) const {
  const uint64_t end = (range.offset + range.length) / kPageSize;
  return Find(range.offset / kPageSize, end, false) == end;
}

bool PageSet::ContainsAny(BackingRange range) const {
  const uint64_t end = (range.offset + range.length) / kPageSize;
  return Find(range.offset / kPageSize, end, true) != end;
}

Result<> PageSet::ForEachRun(BackingRange range, bool member,
                             const std::function<Result<>(BackingRange)>& visit) const {
  const uint64_t end = (range.offset + range.length) / kPageSize;
  uint64_t begin = Find(range.offset / kPageSize, end, member);
  while (begin < end) {
    const uint64_t run_end = Find(begin, end, !member);
    SEALVM_TRY(visit({begin * kPageSize, (run_end - begin) * kPageSize}));
    begin = Find(run_end, end, member);
  }
  return {};
}

}  // namespace sealvm
