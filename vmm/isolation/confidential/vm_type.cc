// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/vm_type.h"

#include <linux/kvm.h>

namespace sealvm {

std::optional<VmType> VmTypeOf(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSev:
      return VmType{KVM_X86_SEV_VM, "SEV", false};
    case IsolationMode::kSevEs:
      return VmType{KVM_X86_SEV_ES_VM, "SEV-ES", false};
    case IsolationMode::kSnp:
      return VmType{KVM_X86_SNP_VM, "SNP", true};
    case IsolationMode::kTdx:
      return VmType{KVM_X86_TDX_VM, "TDX", true};
    default:
      return std::nullopt;
  }
}

}  // namespace sealvm
