// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_PAGE_RANGES_H_
#define SEALVM_TESTS_MODEL_PAGE_RANGES_H_

#include <stdint.h>

#include <iterator>
#include <map>

namespace sealvm::model {

// A set of guest addresses in ranges.
class PageRanges {
 public:
  void Add(uint64_t begin, uint64_t end) {
    Remove(begin, end);
    ends_[begin] = end;
  }

  void Remove(uint64_t begin, uint64_t end) {
    auto at = ends_.upper_bound(begin);
    if (at != ends_.begin()) --at;
    while (at != ends_.end() && at->first < end) {
      const auto [from, to] = *at;
      if (to <= begin) {
        ++at;
        continue;
      }
      at = ends_.erase(at);
      if (from < begin) ends_[from] = begin;
      if (to > end) ends_[end] = to;
    }
  }

  bool Contains(uint64_t begin, uint64_t end) const {
    while (begin < end) {
      auto at = ends_.upper_bound(begin);
      if (at == ends_.begin()) return false;
      --at;
      if (at->second <= begin) return false;
      begin = at->second;
    }
    return true;
  }

  bool Touches(uint64_t begin, uint64_t end) const {
    const auto at = ends_.lower_bound(end);
    return at != ends_.begin() && std::prev(at)->second > begin;
  }

 private:
  std::map<uint64_t, uint64_t> ends_;  // by begin
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_PAGE_RANGES_H_
