// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/reset_vcpu.h"

#include "vmm/isolation/measurement/kvm_reset_state.h"
#include "vmm/isolation/measurement/vcpu_reset_state.h"

namespace sealvm::sev {

Result<> SetResetState(kvm::Vcpu& vcpu, uint32_t eip, uint32_t signature) {
  const VcpuResetState state = MakeResetState(VmmType::kQemu, eip, signature);
  kvm_sregs sregs = SEALVM_TRY(vcpu.GetSregs());
  StoreInto(state, sregs);
  SEALVM_TRY(vcpu.SetSregs(sregs));
  SEALVM_TRY(vcpu.SetRegs(KvmRegs(state)));
  return vcpu.SetFpu(KvmFpu(state));
}

}  // namespace sealvm::sev
