// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_BOOT_H_
#define SEALVM_GUEST_FW_MEASURED_BOOT_H_

#include <stdint.h>

#include "guest-fw/measured/cpu.h"
#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/isolation.h"

namespace sealvm::measured {

struct BootInputs {
  IsolationKind kind = IsolationKind::kNone;
  // The first address that cannot be RAM.
  uint64_t ram_end = 0;
  // The page of the image for a kernel hash table, kSmallPage bytes. A TD's is measured with the
  // image; under SNP the page is not looked at, and without isolation it goes before HASHES_PAGE.
  const uint8_t* image_hashes = nullptr;
};

// Everything between the isolation's construction and the kernel's first instruction: brings up
// I/O, makes RAM private, loads and verifies, installs ACPI tables, completes boot_params. After a
// failure the guest has to be ended. `*entry` is the kernel's 64-bit entry.
Failure Boot(const BootInputs& inputs, Cpu& cpu, Isolation& isolation, const GuestMemory& memory,
             uint64_t* entry);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_BOOT_H_
