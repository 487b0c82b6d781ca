// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_BOOT_PARAMS_H_
#define SEALVM_GUEST_FW_MEASURED_BOOT_PARAMS_H_

#include <stddef.h>
#include <stdint.h>

#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/isolation.h"
#include "guest-fw/measured/linux_kernel.h"
#include "guest-fw/measured/ram_map.h"

namespace sealvm::measured {

// ACPI 6.5 table 15.3, address range types.
enum class MemoryType : uint32_t { kRam = 1, kReserved = 2, kAcpiReclaimable = 3, kAcpiNvs = 4 };

// A piece of RAM that the kernel must not use as it likes. Page aligned.
struct Reservation {
  Range range;
  MemoryType type = MemoryType::kReserved;
};

// Completes the struct boot_params in BOOT_PARAMS, which holds the kernel's setup header: memory
// map, initrd, command line, ACPI (Linux Documentation/arch/x86/boot.rst and zero-page.rst), and
// under SNP the CC blob in CC_BLOB_PAGE. `acpi` is the memory of the tables; empty: none.
Failure CompleteBootParams(const GuestMemory& memory, IsolationKind kind, const RamMap& ram,
                           const LoadedKernel& kernel, const Range& acpi, uint64_t rsdp);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_BOOT_PARAMS_H_
