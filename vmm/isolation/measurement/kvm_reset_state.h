// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_KVM_RESET_STATE_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_KVM_RESET_STATE_H_

#include <linux/kvm.h>

#include "vmm/isolation/measurement/vcpu_reset_state.h"

namespace sealvm {

// A vCPU's start for KVM_SET_REGS, KVM_SET_SREGS and KVM_SET_FPU. What BuildVmsa adds is not in
// them: KVM does that. DR6, DR7, PAT and XCR0 are what KVM resets them to.
kvm_regs KvmRegs(const VcpuResetState& state);
// Changes `sregs` in what the state says; the rest, such as the APIC base, is the caller's.
void StoreInto(const VcpuResetState& state, kvm_sregs& sregs);
kvm_fpu KvmFpu(const VcpuResetState& state);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_KVM_RESET_STATE_H_
