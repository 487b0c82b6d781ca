// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_RANGE_SET_H_
#define SEALVM_VMM_BOOT_FIRMWARE_RANGE_SET_H_

#include <stdint.h>

#include <iterator>
#include <map>

namespace sealvm {

// Ranges of addresses that do not overlap.
class RangeSet {
 public:
  // Takes [base, base + size), which neither is empty nor wraps. False, and nothing changes, when
  // part of it is taken already.
  bool Add(uint64_t base, uint64_t size) {
    const auto next = sizes_.lower_bound(base);
    if (next != sizes_.end() && next->first - base < size) return false;
    if (next != sizes_.begin()) {
      const auto previous = std::prev(next);
      if (base - previous->first < previous->second) return false;
    }
    sizes_.emplace_hint(next, base, size);
    return true;
  }

 private:
  std::map<uint64_t, uint64_t> sizes_;  // by base
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_RANGE_SET_H_
