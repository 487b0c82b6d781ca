// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_CONFIDENTIAL_GUEST_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_CONFIDENTIAL_GUEST_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <memory>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/shared_view.h"
#include "vmm/kvm/vcpu.h"

namespace sealvm {

class PrivateRam;

// A guest whose memory the CPU keeps from the host, on its way to its first instruction. The
// machine calls, on one thread and in this order:
//
//   AdjustCpuid for the table of each vCPU, wherever one is made
//   InitVm
//   CreateInterruptControllers
//   CreateMemory
//   for each vCPU in the order of the ids: KVM_CREATE_VCPU, AddVcpu
//   Launch
//
// and then runs the vCPUs. The launch goes through a LaunchPlan (vmm/isolation/measurement), from
// which the digest is calculated as well. A guest is launched once: after its reset there is
// another VM.
class ConfidentialGuest {
 public:
  virtual ~ConfidentialGuest() = default;

  // The CPU's face in this mode.
  virtual void AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const = 0;
  // What makes the VM one of its mode, before anything else is in it. `cpuid`: of the boot vCPU,
  // adjusted.
  virtual Result<> InitVm(std::span<const kvm_cpuid_entry2> cpuid) = 0;
  virtual Result<> CreateInterruptControllers() = 0;
  virtual Result<> CreateMemory() = 0;
  // CPUID and, where the VMM has a say in it, the state that the vCPU starts with.
  virtual Result<> AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) = 0;
  // `vcpus`: all that were added.
  virtual Result<> Launch(std::span<kvm::Vcpu* const> vcpus) = 0;

  // How devices reach the guest; after CreateMemory.
  virtual const std::shared_ptr<SharedView>& view() const = 0;
  // Null where the guest's memory has no halves (SEV, SEV-ES).
  virtual PrivateRam* private_ram() const = 0;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_CONFIDENTIAL_GUEST_H_
