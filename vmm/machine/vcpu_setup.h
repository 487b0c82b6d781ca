// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_VCPU_SETUP_H_
#define SEALVM_VMM_MACHINE_VCPU_SETUP_H_

#include <linux/kvm.h>

#include <functional>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/entry_state.h"
#include "vmm/kvm/vcpu.h"

namespace sealvm {

// What all vCPUs of a machine have in common; each gets its own APIC id.
struct VcpuModel {
  std::vector<kvm_cpuid_entry2> supported_cpuid;
  uint32_t cpus = 1;
  bool tsc_deadline = false;
  // MSRs stay as the CPU's reset leaves them: the guest begins with a firmware.
  bool in_reset = false;
  // What an isolation mode changes in it; may be empty.
  std::function<void(std::vector<kvm_cpuid_entry2>&)> adjust_cpuid = {};
};

// CPUID of the vCPU with this id.
std::vector<kvm_cpuid_entry2> CpuidOf(const VcpuModel& model, uint32_t id);

// CPUID and, unless the model says otherwise, MSRs: a vCPU as firmware would leave it; KVM makes
// the FPU so by itself. An application processor then waits for its start-up IPI.
Result<> SetUpVcpu(kvm::Vcpu& vcpu, const VcpuModel& model);

// Puts the boot vCPU at the kernel's entry. After SetUpVcpu.
Result<> SetUpEntry(kvm::Vcpu& vcpu, const EntryState& entry);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_VCPU_SETUP_H_
