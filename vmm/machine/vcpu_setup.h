// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_VCPU_SETUP_H_
#define SEALVM_VMM_MACHINE_VCPU_SETUP_H_

#include <linux/kvm.h>

#include <functional>
#include <span>

#include "memory/base/result.h"
#include "vmm/boot/entry_state.h"
#include "vmm/kvm/vcpu.h"

namespace sealvm {

// What all vCPUs of a machine have in common; each gets its own APIC id.
struct VcpuModel {
  std::span<const kvm_cpuid_entry2> supported_cpuid;
  uint32_t cpus = 1;
  bool tsc_deadline = false;
  // What an isolation mode changes in it; may be empty.
  std::function<void(std::vector<kvm_cpuid_entry2>&)> adjust_cpuid = {};
};

// CPUID and MSRs: a vCPU as firmware would leave it; KVM makes the FPU so by itself. An application
// processor then waits for its start-up IPI.
Result<> SetUpVcpu(kvm::Vcpu& vcpu, const VcpuModel& model);

// Puts the boot vCPU at the kernel's entry. After SetUpVcpu.
Result<> SetUpEntry(kvm::Vcpu& vcpu, const EntryState& entry);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_VCPU_SETUP_H_
