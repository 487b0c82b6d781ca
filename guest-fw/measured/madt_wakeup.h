// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_MADT_WAKEUP_H_
#define SEALVM_GUEST_FW_MEASURED_MADT_WAKEUP_H_

#include <stdint.h>

#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"

namespace sealvm::measured {

// Tells the kernel of a TD where its other processors wait: a copy of the MADT, with the
// multiprocessor wakeup structure (ACPI 6.5 section 5.2.12.19) behind, takes the MADT's place in
// the XSDT. `tables` is the memory that tables lie in, from `free` on not used yet. kAcpiTables
// when there is no RSDP with an XSDT with a MADT in it, or there is one of them outside;
// kAcpiMemory.
Failure AddMadtWakeup(const GuestMemory& memory, const Range& tables, uint64_t free, uint64_t rsdp,
                      uint64_t mailbox);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_MADT_WAKEUP_H_
