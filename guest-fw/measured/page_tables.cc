// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/page_tables.h"

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

// Present, writable, accessed, dirty; and of 2 MiB (Intel SDM vol. 3A section 4.5).
constexpr uint64_t kSmallEntry = 0x63;
constexpr uint64_t kLargeEntry = 0xe3;
constexpr unsigned kEntries = 512;

}  // namespace

void PageTables::SetShared(const Range& range, bool shared) {
  const uint64_t mask = shared ? shared_mask_ : private_mask_;
  for (uint64_t page = range.base; page < range.end(); page += kSmallPage) {
    memory_.Store(PAGE_TABLES + LOW_PT + page / kSmallPage * 8, page | mask | kSmallEntry);
  }
}

void PageTables::ShowHigh(uint64_t base) {
  for (unsigned i = 0; i < kEntries; ++i) {
    memory_.Store(PAGE_TABLES + HIGH_PD + i * 8,
                  (base + i * kLargePage) | private_mask_ | kLargeEntry);
  }
}

}  // namespace sealvm::measured
