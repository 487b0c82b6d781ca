// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_TD_GUEST_H_
#define SEALVM_VMM_ISOLATION_TDX_TD_GUEST_H_

#include <memory>
#include <vector>

#include "memory/base/logger.h"
#include "vmm/isolation/confidential/confidential_guest.h"
#include "vmm/isolation/confidential/private_ram.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/tdx/tdx_commands.h"
#include "vmm/kvm/vm.h"

namespace sealvm::tdx {

// TD attributes (Intel TDX Module ABI, ATTRIBUTES). Linux refuses to be a guest without it: a host
// that takes a page away would be told by an exception that the guest cannot handle safely.
inline constexpr uint64_t kAttributeSeptVeDisable = uint64_t{1} << 28;

// A guest with `--isolation tdx`: a TD.
class TdGuest : public ConfidentialGuest {
 public:
  struct Options {
    PrivateRam::Options memory;
    uint32_t cpus = 1;
    uint64_t attributes = kAttributeSeptVeDisable;
    TdParams::Register mr_config_id = {};
    TdParams::Register mr_owner = {};
    TdParams::Register mr_owner_config = {};
    // What vCPUs start with in RCX: the GPA of the TD HOB; 0 where the firmware wants none.
    uint64_t hob = 0;
  };

  // `plan` is of PlanTdxLaunch. `vm`, a KVM_X86_TDX_VM, outlives the guest, and so does what `plan`
  // borrows until Launch has returned.
  TdGuest(Options options, LaunchPlan plan, kvm::Vm& vm, Logger logger);

  void AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const override;
  Result<> InitVm(std::span<const kvm_cpuid_entry2> cpuid) override;
  // Local APICs alone are in the kernel: it has no I/O APIC for TDs.
  Result<> CreateInterruptControllers() override;
  Result<> CreateMemory() override;
  Result<> AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) override;
  Result<> Launch(std::span<kvm::Vcpu* const> vcpus) override;
  const std::shared_ptr<SharedView>& view() const override { return ram_->view(); }
  PrivateRam* private_ram() const override { return ram_.get(); }

 private:
  Result<> SetTsc();
  Result<> AddRegion(kvm::Vcpu& vcpu, const LaunchStep& step, bool measure);

  const Options options_;
  const LaunchPlan plan_;
  kvm::Vm& vm_;
  const Logger logger_;
  TdxCommands commands_;
  std::unique_ptr<PrivateRam> ram_;
};

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_TD_GUEST_H_
