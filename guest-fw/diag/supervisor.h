// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_SUPERVISOR_H_
#define SEALVM_GUEST_FW_DIAG_SUPERVISOR_H_

#include <stdint.h>

#include "guest-fw/diag/boot_info.h"
#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/sev_face.h"

namespace sealvm::diag {

// The diagnostic guest works in ring 3, because KVM without hardware virtualization runs only that
// at full speed, and comes back to ring 0 for single privileged instructions. The two rings share
// all memory: ring 3 is here for speed, not for protection.

// Runs `function(argument)` in ring 0 with interrupts off and returns its result. In ring 0
// already, it is a plain call.
uint64_t CallSupervisor(uint64_t (*function)(uint64_t), uint64_t argument);

// The same for any callable.
template <typename F>
void InRing0(F&& callable) {
  CallSupervisor(
      [](uint64_t f) -> uint64_t {
        (*reinterpret_cast<F*>(f))();
        return 0;
      },
      reinterpret_cast<uint64_t>(&callable));
}

CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf = 0);

// False when the MSR does not exist.
bool TryReadMsr(uint32_t msr, uint64_t* value);

// What ring 0 prepared before it entered ring 3.
struct Startup {
  BootInfo boot;
  SevFace sev;
  uint64_t entry_tsc = 0;  // at the first instruction
};
const Startup& GetStartup();

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_SUPERVISOR_H_
