// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_PAGE_TABLES_H_
#define SEALVM_GUEST_FW_MEASURED_PAGE_TABLES_H_

#include <stdint.h>

#include "guest-fw/measured/guest_memory.h"

namespace sealvm::measured {

// The tables that entry.S made at PAGE_TABLES: 4 GiB identity mapped, the first 2 MiB in small
// pages; and one GiB at kHighWindow, which can be any. Callers flush the TLB after changes.
class PageTables {
 public:
  // Where RAM above 4 GiB is seen, a GiB at a time.
  static constexpr uint64_t kHighWindow = kFourGiB;

  // `private_mask` is set in every entry of private memory, `shared_mask` in those of shared
  // memory.
  PageTables(const GuestMemory& memory, uint64_t private_mask, uint64_t shared_mask)
      : memory_(memory), private_mask_(private_mask), shared_mask_(shared_mask) {}

  // `range` is whole pages of the first 2 MiB.
  void SetShared(const Range& range, bool shared);
  // Shows the GiB that begins at `base` at kHighWindow.
  void ShowHigh(uint64_t base);

 private:
  const GuestMemory memory_;
  const uint64_t private_mask_;
  const uint64_t shared_mask_;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_PAGE_TABLES_H_
