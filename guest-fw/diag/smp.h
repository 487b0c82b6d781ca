// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_SMP_H_
#define SEALVM_GUEST_FW_DIAG_SMP_H_

#include <stddef.h>
#include <stdint.h>

#include <span>

#include "guest-fw/diag/boot_info.h"

namespace sealvm::diag {

struct SmpResult {
  bool x2apic = false;
  size_t answered = 0;  // with the vCPU that asks
  bool has_silent = false;
  uint32_t first_silent = 0;        // an APIC id that did not answer
  bool has_trampoline_page = true;  // there was RAM below 1 MiB to start them from
};

// Starts every vCPU of `apic_ids` but this one with INIT and SIPI (Intel SDM vol. 3A section 9.4.4)
// and waits until each ran code in long mode or none did for a while. They stop for good after it.
// Overwrites one usable page below 640 KiB, with a C-bit in `cr3` two.
SmpResult StartOtherVcpus(std::span<const uint32_t> apic_ids, std::span<const MemoryRange> ranges,
                          uint64_t cr3);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_SMP_H_
