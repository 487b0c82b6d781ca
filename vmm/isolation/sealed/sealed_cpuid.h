// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_SEALED_CPUID_H_
#define SEALVM_VMM_ISOLATION_SEALED_SEALED_CPUID_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <span>
#include <vector>

#include "memory/base/result.h"
#include "vmm/isolation/sealed/sealed_layout.h"

namespace sealvm {

// SEV_STATUS (AMD APM vol. 2 section 15.34.10): what a sealed guest reads from it, SEV enabled
// alone.
inline constexpr uint32_t kMsrSevStatus = 0xc0010131;
inline constexpr uint64_t kSealedSevStatus = 1;

// The physical address width that `cpuid` shows; kHost if it lacks the leaf.
Result<PhysicalAddressBits> PhysicalAddressBitsOf(std::span<const kvm_cpuid_entry2> cpuid);

struct SealedFace {
  unsigned c_bit = 0;
  // The VMM takes page conversions by hypercall (KVM_CAP_EXIT_HYPERCALL).
  bool conversions = false;
  // Linux is asked to tell every page that it shares or takes back. It makes the hypercall by
  // VMMCALL, an invalid instruction on Intel's CPUs: there it must stay false.
  bool tell_conversions = false;
  // The guest's other hypercalls reach KVM: its CPU's vendor, which decides between VMCALL and
  // VMMCALL, is the host's.
  bool hypercalls = true;
  // The host's CPU has UMIP, so that KVM does not emulate it.
  bool native_umip = false;
};

// Turns a vCPU's CPUID into that of an SEV guest, which is what Linux knows of a C-bit: the memory
// encryption leaf, and nothing that would make KVM emulate an instruction in memory it cannot read
// or that contradicts the CPU's vendor. Pure.
void ApplySealedFace(std::vector<kvm_cpuid_entry2>& cpuid, const SealedFace& face);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_SEALED_CPUID_H_
