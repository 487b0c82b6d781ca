// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_ADDRESS_SPACE_H_
#define SEALVM_GUEST_FW_DIAG_ADDRESS_SPACE_H_

#include <stdint.h>

#include "guest-fw/diag/boot_info.h"

namespace sealvm::diag {

// This program's own page tables: an identity mapping. Made in two steps, because ring 0 can be
// thousands of times slower than ring 3 (see supervisor.h).

// Maps this program alone and switches to that. Ring 0.
void MapImage();

// Maps the low 4 GiB, RAM cached and the rest not, and all RAM above. Ends the run when there is no
// room for the tables, which lie behind the image. Ring 3.
void MapAllMemory(const BootInfo& boot);

// For CR3. Below 4 GiB.
uint64_t PageTableRoot();

// First address behind the image and the page tables.
uint64_t InUseEnd();
// First address of the image.
uint64_t InUseStart();

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_ADDRESS_SPACE_H_
