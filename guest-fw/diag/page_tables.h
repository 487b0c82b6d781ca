// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_PAGE_TABLES_H_
#define SEALVM_GUEST_FW_DIAG_PAGE_TABLES_H_

#include <stdint.h>

#include "guest-fw/diag/physical_memory.h"

namespace sealvm::diag {

// Builds four-level identity mappings (AMD64 APM vol. 2 section 5.3) with pages of 1 GiB or 2 MiB,
// readable, writable and executable from both rings. In a guest with a C-bit, which makes an
// address name private memory, the tables lie in private memory, and RAM can be mapped a second
// time without the bit.
class PageTables {
 public:
  enum class Caching { kWriteBack, kUncached };

  // Addresses from here on cannot be identity mapped: virtual ones below are the lower canonical
  // half.
  static constexpr uint64_t kEnd = uint64_t{1} << 47;
  // With a C-bit, the shared alias of an address is mapped this much higher.
  static constexpr uint64_t kSharedWindow = uint64_t{1} << 46;

  // `c_mask` has the C-bit alone, or is 0.
  PageTables(const PhysicalMemory& memory, bool gigabyte_pages, uint64_t c_mask)
      : memory_(memory), gigabyte_pages_(gigabyte_pages), c_mask_(c_mask) {}

  // Gives [start, end) to build tables in, page aligned; what was left of the last such area is
  // given up. The area needs not be zeroed.
  void UseArea(uint64_t start, uint64_t end);
  // First address of the current area that no table uses.
  uint64_t area_used_end() const { return next_; }

  // Maps every large page that [base, base + size) touches and that is not mapped yet. False when
  // the area is too small or the range ends above kEnd, with a C-bit above kSharedWindow; what was
  // mapped stays. Cached pages are private; uncached ones are for devices, which never are.
  bool Map(uint64_t base, uint64_t size, Caching caching);
  // The same for the shared alias, at kSharedWindow + `base`. Only with a C-bit.
  bool MapSharedAlias(uint64_t base, uint64_t size);

  // Address of the topmost table, without the C-bit; 0 before the first Map.
  uint64_t root() const { return root_; }
  // For CR3.
  uint64_t cr3() const { return root_ | c_mask_; }

 private:
  // Address of a zeroed table, or 0.
  uint64_t TakeTable();
  // The table that entry `index` of `table` points to, made if there is none; 0 without space.
  uint64_t Descend(uint64_t table, uint64_t index);
  bool MapPages(uint64_t base, uint64_t size, uint64_t window, uint64_t bits);
  bool MapPage(uint64_t address, uint64_t entry_value);

  PhysicalMemory memory_;
  bool gigabyte_pages_;
  uint64_t c_mask_;
  uint64_t next_ = 0;
  uint64_t end_ = 0;
  uint64_t root_ = 0;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_PAGE_TABLES_H_
