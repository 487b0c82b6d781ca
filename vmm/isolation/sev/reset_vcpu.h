// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_RESET_VCPU_H_
#define SEALVM_VMM_ISOLATION_SEV_RESET_VCPU_H_

#include <stdint.h>

#include "memory/base/result.h"
#include "vmm/kvm/vcpu.h"

namespace sealvm::sev {

// Gives a vCPU of a SEV-ES or SNP guest the state that its VMSA is measured with
// (vmm/isolation/measurement/vcpu_reset_state.h): it starts at `eip`. After SetCpuid.
Result<> SetResetState(kvm::Vcpu& vcpu, uint32_t eip, uint32_t signature);

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_RESET_VCPU_H_
