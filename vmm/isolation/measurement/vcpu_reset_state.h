// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEASUREMENT_VCPU_RESET_STATE_H_
#define SEALVM_VMM_ISOLATION_MEASUREMENT_VCPU_RESET_STATE_H_

#include <stdint.h>

#include <span>
#include <string_view>

#include "memory/base/result.h"
#include "memory/guest_layout.h"

namespace sealvm {

// Whose guests a digest is for: VMMs differ in the state that their vCPUs start in and in the order
// of the launch.
//   kQemu: QEMU and sealvm on KVM's VM types for SEV (Linux 6.10 and later)
//   kEc2:  Amazon EC2
//   kGce:  Google Compute Engine
//   kKrun: libkrun
enum class VmmType { kQemu, kEc2, kGce, kKrun };

// "qemu", "ec2", "gce", "krun".
std::string_view VmmTypeName(VmmType type);
Result<VmmType> ParseVmmType(std::string_view name);

// A segment register in the form of VMCB and VMSA: type in bits 3:0 of `attributes`, S 4, DPL 6:5,
// P 7, AVL 8, L 9, D/B 10, G 11 (AMD APM vol. 2, section 15.5.1).
struct VmcbSegment {
  uint16_t selector = 0;
  uint16_t attributes = 0;
  uint32_t limit = 0xffff;  // bytes, granularity applied
  uint64_t base = 0;
};

// The registers that a vCPU of a SEV-ES or SNP guest starts with; those not named are zero. The one
// source of both the VMSA page that is measured (BuildVmsa) and what is given to KVM
// (kvm_reset_state.h), from which KVM makes that page.
struct VcpuResetState {
  VmcbSegment es, cs, ss, ds, fs, gs;
  VmcbSegment gdtr, idtr, ldtr, tr;
  uint64_t cr0 = 0x10;  // ET
  uint64_t rflags = 0x2;
  uint64_t rip = 0;
  uint64_t rsp = 0;
  uint64_t rbp = 0;
  uint64_t rsi = 0;
  uint64_t rdx = 0;
  // KVM's own at reset, which a VMM leaves alone.
  uint64_t dr6 = 0xffff0ff0;
  uint64_t dr7 = 0x400;
  uint64_t pat = 0x0007040600070406;
  uint64_t xcr0 = 0x1;
  // FPU.
  uint32_t mxcsr = 0;
  uint16_t fcw = 0;
};

// The boot processor starts at the architecture's reset vector.
inline constexpr uint32_t kResetVector = 0xfffffff0;

// The state of a vCPU that starts at `eip`: the reset vector, or what the firmware's reset block
// says for the others. `signature` is CPUID(1).EAX, which only kQemu's guests find in RDX.
VcpuResetState MakeResetState(VmmType type, uint32_t eip, uint32_t signature);

// Writes the page that is measured for the vCPU: the save area of AMD APM vol. 2, table B-4, with
// what KVM adds to the state that it is given. `sev_features` is the field of that name.
void BuildVmsa(const VcpuResetState& state, uint64_t sev_features,
               std::span<uint8_t, kPageSize> page);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEASUREMENT_VCPU_RESET_STATE_H_
