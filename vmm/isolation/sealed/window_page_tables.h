// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_WINDOW_PAGE_TABLES_H_
#define SEALVM_VMM_ISOLATION_SEALED_WINDOW_PAGE_TABLES_H_

#include <stdint.h>

#include <span>
#include <vector>

#include "memory/guest_layout.h"

namespace sealvm {

// A range of guest physical addresses, [base, base + size).
struct GpaRange {
  Gpa base = 0;
  uint64_t size = 0;
};

// Page tables, to be put at `base` with the PML4 first, that map every GiB which the ranges touch
// to the same guest physical address by pages of 1 GiB (Intel SDM vol. 3A section 4.5). The ranges
// lie below 2^47.
std::vector<uint8_t> BuildWindowPageTables(Gpa base, std::span<const GpaRange> ranges);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_WINDOW_PAGE_TABLES_H_
