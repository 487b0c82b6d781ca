// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_TD_CPUID_H_
#define SEALVM_VMM_ISOLATION_TDX_TD_CPUID_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <span>
#include <vector>

#include "memory/base/result.h"

namespace sealvm::tdx {

// Leaves a TD those of KVM's own features (leaf 0x40000001) that work in one; the TDX module shows
// everything else of a TD by itself. KVM's clock, asynchronous page faults and the like want MSRs
// that point into memory which KVM cannot read.
void ApplyTdFace(std::vector<kvm_cpuid_entry2>& cpuid);

// XFAM of a TD with the extended state that `cpuid` has (leaf 0xD): KVM_TDX_CAPABILITIES offers
// what the host has, of which AMX's is for processes that asked the kernel for it.
uint64_t XfamOf(std::span<const kvm_cpuid_entry2> cpuid);

// The CPUID that KVM_TDX_INIT_VM takes: of `wanted`, the bits that `configurable` (of
// KVM_TDX_CAPABILITIES) lets a VMM choose, leaf by leaf; the TDX module decides all others itself
// and refuses leaves that it does not let anybody choose. The guest's physical address bits (leaf
// 0x80000008, EAX 23:16) are 52 where `wanted` has them and 48 otherwise: KVM takes nothing else.
// kHost where the leaf cannot be chosen.
Result<std::vector<kvm_cpuid_entry2>> ChooseTdCpuid(std::span<const kvm_cpuid_entry2> wanted,
                                                    std::span<const kvm_cpuid_entry2> configurable);

// Puts what the module gives (KVM_TDX_GET_CPUID) into a vCPU's table, so that KVM and the guest
// think the same of the CPU.
void AdoptModuleCpuid(std::vector<kvm_cpuid_entry2>& cpuid,
                      std::span<const kvm_cpuid_entry2> given);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_TD_CPUID_H_
