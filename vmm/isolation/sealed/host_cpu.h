// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_HOST_CPU_H_
#define SEALVM_VMM_ISOLATION_SEALED_HOST_CPU_H_

namespace sealvm {

// What of this host's own CPU, not of KVM's, decides what a sealed guest may be shown.
struct HostCpu {
  bool is_intel = false;  // its hypercall instruction is VMCALL, else VMMCALL
  bool has_umip = false;
};

HostCpu ReadHostCpu();

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_HOST_CPU_H_
