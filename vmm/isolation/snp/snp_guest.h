// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SNP_SNP_GUEST_H_
#define SEALVM_VMM_ISOLATION_SNP_SNP_GUEST_H_

#include <memory>
#include <optional>
#include <vector>

#include "memory/base/logger.h"
#include "vmm/isolation/confidential/confidential_guest.h"
#include "vmm/isolation/confidential/private_ram.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/snp/snp_commands.h"
#include "vmm/kvm/sev_device.h"
#include "vmm/kvm/vm.h"

namespace sealvm::snp {

// A guest with `--isolation snp`.
class SnpGuest : public ConfidentialGuest {
 public:
  struct Options {
    PrivateRam::Options memory;
    uint64_t guest_policy = 0;
    // SEV_FEATURES of the VMSAs without SNP_ACTIVE, which KVM adds.
    uint64_t vmsa_features = 0;
    std::optional<uint32_t> ap_reset_eip = {};
    std::optional<uint32_t> signature = {};  // CPUID(1).EAX, where it is not to be the host's
    bool certificates = false;               // answer requests for them
    LaunchFinish finish = {};
  };

  // `plan` is of PlanSnpLaunch. `vm`, a KVM_X86_SNP_VM, outlives the guest, and so does what `plan`
  // borrows until Launch has returned.
  SnpGuest(Options options, LaunchPlan plan, kvm::Vm& vm, kvm::SevDevice device, Logger logger);

  void AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const override;
  Result<> InitVm(std::span<const kvm_cpuid_entry2> cpuid) override;
  Result<> CreateInterruptControllers() override { return vm_.CreateIrqchip(); }
  Result<> CreateMemory() override;
  Result<> AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) override;
  Result<> Launch(std::span<kvm::Vcpu* const> vcpus) override;
  const std::shared_ptr<SharedView>& view() const override { return ram_->view(); }
  PrivateRam* private_ram() const override { return ram_.get(); }

 private:
  Result<> DoStep(const LaunchStep& step);

  const Options options_;
  const LaunchPlan plan_;
  kvm::Vm& vm_;
  const kvm::SevDevice device_;
  const Logger logger_;
  SnpCommands commands_;
  std::vector<kvm_cpuid_entry2> cpuid_;  // of the boot vCPU
  std::unique_ptr<PrivateRam> ram_;
};

}  // namespace sealvm::snp

#endif  // SEALVM_VMM_ISOLATION_SNP_SNP_GUEST_H_
