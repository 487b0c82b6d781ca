// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_ADDRESS_SPACE_H_
#define SEALVM_GUEST_FW_DIAG_ADDRESS_SPACE_H_

#include <stdint.h>

#include "guest-fw/diag/boot_info.h"

namespace sealvm::diag {

// This program's own page tables: an identity mapping. Made in two steps, because ring 0 can be
// thousands of times slower than ring 3 (see supervisor.h).

// Maps this program alone and switches to that. `c_mask` is the C-bit of a guest that has one, else
// 0. Ring 0.
void MapImage(uint64_t c_mask);

// Maps the low 4 GiB, RAM cached and the rest not, all RAM above, and with a C-bit the shared alias
// of all RAM. Ends the run when there is no room for the tables, which lie behind the image.
// Ring 3.
void MapAllMemory(const BootInfo& boot);

// For CR3. Below 4 GiB but for the C-bit.
uint64_t PageTableRoot();

// Where the shared alias of a RAM address is mapped. Only with a C-bit.
uintptr_t SharedAlias(uint64_t address);

// First address behind the image and the page tables.
uint64_t InUseEnd();
// First address of the image.
uint64_t InUseStart();

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_ADDRESS_SPACE_H_
