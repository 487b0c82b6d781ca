// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_CONFIDENTIAL_LAUNCH_H_
#define SEALVM_VMM_MACHINE_CONFIDENTIAL_LAUNCH_H_

#include <linux/kvm.h>

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "memory/base/logger.h"
#include "memory/base/result.h"
#include "vmm/api/config.h"
#include "vmm/api/machine.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware_items.h"
#include "vmm/isolation/confidential/confidential_guest.h"
#include "vmm/isolation/confidential/guest_plan.h"
#include "vmm/isolation/confidential/private_ram.h"
#include "vmm/isolation/snp/certificate_file.h"
#include "vmm/isolation/snp/snp_commands.h"
#include "vmm/isolation/tdx/quote_service_address.h"
#include "vmm/kvm/system.h"
#include "vmm/machine/confidential_exits.h"

namespace sealvm {

// The way of a machine with `--isolation sev`, `sev-es`, `snp` or `tdx` from the files that it is
// made of to a launched guest. The steps are called in their order on one thread; the exits are any
// thread's.
class ConfidentialLaunch {
 public:
  // Reads and checks `files` and what else `config` names for a launch, on any host. The digest is
  // checked here as well, where it does not depend on the host's CPU. `firmware` outlives the
  // object.
  static Result<std::unique_ptr<ConfidentialLaunch>> Open(const MachineConfig& config,
                                                          const FirmwareImage& firmware,
                                                          const FirmwareBootFiles& files,
                                                          Logger logger);
  ConfidentialLaunch(const ConfidentialLaunch&) = delete;
  ConfidentialLaunch& operator=(const ConfidentialLaunch&) = delete;

  // The VM of the mode; kRefused, with what the host lacks, where there is none.
  Result<kvm::Vm> CreateVm(const kvm::System& system);
  // The VM's mode, interrupt controllers and memory. `cpuid`: of the boot vCPU, as AdjustCpuid
  // leaves it. `system` and `vm` outlive the object.
  Result<> CreateGuest(const kvm::System& system, kvm::Vm& vm, std::vector<kvm_cpuid_entry2> cpuid,
                       const GuestMemfdMaker& make_private);
  // Creates nothing itself: `vcpu` is in KVM's reset state; its CPUID is adjusted here.
  Result<> AddVcpu(kvm::Vcpu& vcpu, std::vector<kvm_cpuid_entry2> cpuid);
  // Puts everything into the guest and measures it. `vcpus`: all of them.
  Result<> Launch(std::span<kvm::Vcpu* const> vcpus);

  const GuestLayout& layout() const { return layout_; }
  IsolationExits& exits() { return *exits_; }
  const std::shared_ptr<SharedView>& view() const { return guest_->view(); }
  // The digest that the hardware measures; after CreateGuest.
  std::span<const uint8_t> digest() const { return digest_; }
  void AddMemoryStats(MachineStats& stats) const;

 private:
  ConfidentialLaunch(const MachineConfig& config, GuestLayout layout, const FirmwareImage& firmware,
                     Logger logger);
  Result<> ReadLaunchFiles();
  Result<> ReadIdBlock();
  Result<> MakePlan(uint32_t signature);
  Result<> CheckPlan() const;
  Result<> CheckHost(const kvm::System& system) const;
  uint64_t policy() const;
  bool measures_vcpus() const;
  bool is(IsolationMode mode) const { return config_.isolation == mode; }
  PrivateRam::Options RamOptions(const GuestMemfdMaker& make_private) const;
  Result<> MakeGuest(const kvm::System& system, kvm::Vm& vm, const GuestMemfdMaker& make_private);

  const MachineConfig config_;
  const GuestLayout layout_;
  const FirmwareImage& firmware_;
  const Logger logger_;
  std::optional<KernelHashes> kernel_hashes_;
  snp::LaunchFinish finish_;
  std::optional<snp::CertificateFile> certificates_;
  std::vector<uint8_t> dh_certificate_;
  std::vector<uint8_t> session_;
  std::optional<tdx::QuoteServiceAddress> quote_service_;
  std::optional<GuestPlan> plan_;  // until the guest has it
  std::vector<uint8_t> digest_;
  std::unique_ptr<ConfidentialGuest> guest_;
  std::unique_ptr<ConfidentialExits> exits_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_CONFIDENTIAL_LAUNCH_H_
