// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BACKING_RANGE_H_
#define SEALVM_MEMORY_BACKING_RANGE_H_

#include <stdint.h>

namespace sealvm {

// Bytes of a memory object; page aligned at both ends where pages come or go.
struct BackingRange {
  uint64_t offset = 0;
  uint64_t length = 0;

  uint64_t end() const { return offset + length; }
  bool Overlaps(const BackingRange& other) const {
    return offset < other.end() && other.offset < end();
  }
  friend bool operator==(const BackingRange&, const BackingRange&) = default;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BACKING_RANGE_H_
