// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_GUEST_CPUID_H_
#define SEALVM_VMM_MACHINE_GUEST_CPUID_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <span>
#include <vector>

namespace sealvm {

struct CpuTopology {
  // One package of `cpus` cores with one thread each; APIC ids are 0..cpus-1.
  uint32_t cpus = 1;
};

// CPUID as one vCPU sees it: what KVM supports on this host, with the leaves that describe the
// topology and the local APIC made to fit. Pure. `tsc_deadline` says whether KVM emulates the APIC
// timer's TSC-deadline mode (KVM_CAP_TSC_DEADLINE_TIMER), which KVM_GET_SUPPORTED_CPUID leaves out.
std::vector<kvm_cpuid_entry2> MakeGuestCpuid(std::span<const kvm_cpuid_entry2> supported,
                                             const CpuTopology& topology, uint32_t apic_id,
                                             bool tsc_deadline);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_GUEST_CPUID_H_
