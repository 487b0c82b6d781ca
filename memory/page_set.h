// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_PAGE_SET_H_
#define SEALVM_MEMORY_PAGE_SET_H_

#include <stdint.h>

#include <functional>

#include "memory/backing_range.h"
#include "memory/base/mapping.h"
#include "memory/base/result.h"

namespace sealvm {

// A set of the pages of one memory object: a bit per 4 KiB page, so that no sequence of changes,
// however scattered, makes it grow. Ranges are in bytes, page aligned and inside the object; the
// caller checks. Not thread-safe.
class PageSet {
 public:
  // An empty set for an object of `size` bytes.
  static Result<PageSet> Create(uint64_t size);

  uint64_t size() const { return size_; }
  // Bytes in the set.
  uint64_t bytes() const { return bytes_; }

  // Put the range's pages into the set or take them out; both return the bytes that changed.
  uint64_t Add(BackingRange range) { return Assign(range, true); }
  uint64_t Remove(BackingRange range) { return Assign(range, false); }

  bool ContainsAll(BackingRange range) const;
  bool ContainsAny(BackingRange range) const;

  // Calls `visit` for each longest run of pages inside `range` that are in the set (`member`) or
  // not. Stops at the first error and returns it.
  Result<> ForEachRun(BackingRange range, bool member,
                      const std::function<Result<>(BackingRange)>& visit) const;

 private:
  PageSet(Mapping words, uint64_t size);

  uint64_t Assign(BackingRange range, bool member);
  // The first page from `page` on, below `end`, whose membership is `member`; `end` if there is
  // none.
  uint64_t Find(uint64_t page, uint64_t end, bool member) const;
  uint64_t* words() const { return reinterpret_cast<uint64_t*>(words_.data()); }

  Mapping words_;
  uint64_t size_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_PAGE_SET_H_
