// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_VM_TYPE_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_VM_TYPE_H_

#include <optional>
#include <string_view>

#include "vmm/api/config.h"

namespace sealvm {

// A type of virtual machine as KVM has it (Linux, Documentation/virt/kvm/api.rst, KVM_CREATE_VM).
struct VmType {
  unsigned number;        // KVM_X86_*_VM
  std::string_view name;  // as in the names of KVM's ioctls and parameters
  bool private_memory;    // guest_memfd and conversions, not pinned memory
};

// Nothing for modes that are not confidential.
std::optional<VmType> VmTypeOf(IsolationMode mode);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_VM_TYPE_H_
