// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_MAP_GPA_RANGE_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_MAP_GPA_RANGE_H_

#include "memory/base/result.h"
#include "vmm/isolation/confidential/private_ram.h"
#include "vmm/kvm/vcpu_exit.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// Leaves KVM_HC_MAP_GPA_RANGE to user space: it is how KVM hands on a page state change of SNP and
// MapGPA of TDX (Linux Documentation/virt/kvm/api.rst, KVM_CAP_EXIT_HYPERCALL). kRefused where the
// kernel cannot.
Result<> EnableMapGpaRange(kvm::Vm& vm);

// Carries such a hypercall out. What KVM gets is 0, EINVAL, or EAGAIN, for it takes nothing else.
// The error, for a log, says why it was refused.
Result<> HandleMapGpaRange(PrivateRam& ram, const kvm::HypercallExit& exit);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_MAP_GPA_RANGE_H_
