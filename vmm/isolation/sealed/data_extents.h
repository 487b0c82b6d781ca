// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_DATA_EXTENTS_H_
#define SEALVM_VMM_ISOLATION_SEALED_DATA_EXTENTS_H_

#include <stdint.h>

#include <vector>

#include "memory/backing_range.h"
#include "memory/base/result.h"

namespace sealvm {

// Where the sparse file behind `fd` has data inside `range`, in whole pages and ascending; the rest
// reads as zeroes. Extents with less than `merge_gap` bytes between them become one.
Result<std::vector<BackingRange>> FindDataExtents(int fd, BackingRange range, uint64_t merge_gap);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_DATA_EXTENTS_H_
