// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_TESTING_PAGE_SET_H_
#define SEALVM_GUEST_FW_MEASURED_TESTING_PAGE_SET_H_

#include <stddef.h>
#include <stdint.h>

#include <bitset>
#include <map>

namespace sealvm::measured {

// Numbers of pages of 4 KiB, kept by large pages: a guest has hundreds of thousands of them, which
// a set of numbers takes seconds for under a sanitizer.
class PageSet {
 public:
  static constexpr uint64_t kPagesPerLargePage = 512;

  void insert(uint64_t page) { frames_[page / kPagesPerLargePage].set(page % kPagesPerLargePage); }
  void InsertLarge(uint64_t page) { frames_[page / kPagesPerLargePage].set(); }

  void erase(uint64_t page) {
    const auto frame = frames_.find(page / kPagesPerLargePage);
    if (frame != frames_.end()) frame->second.reset(page % kPagesPerLargePage);
  }
  void EraseLarge(uint64_t page) { frames_.erase(page / kPagesPerLargePage); }

  bool contains(uint64_t page) const {
    const auto frame = frames_.find(page / kPagesPerLargePage);
    return frame != frames_.end() && frame->second.test(page % kPagesPerLargePage);
  }
  size_t size() const {
    size_t pages = 0;
    for (const auto& [number, frame] : frames_) pages += frame.count();
    return pages;
  }
  bool empty() const { return size() == 0; }

 private:
  std::map<uint64_t, std::bitset<kPagesPerLargePage>> frames_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_TESTING_PAGE_SET_H_
