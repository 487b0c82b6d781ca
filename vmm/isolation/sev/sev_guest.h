// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_SEV_GUEST_H_
#define SEALVM_VMM_ISOLATION_SEV_SEV_GUEST_H_

#include <memory>
#include <optional>
#include <vector>

#include "memory/base/mapping.h"
#include "memory/guest_memory.h"
#include "vmm/isolation/confidential/confidential_guest.h"
#include "vmm/isolation/measurement/launch_plan.h"
#include "vmm/isolation/sev/launch_owner.h"
#include "vmm/isolation/sev/sev_commands.h"
#include "vmm/kvm/sev_device.h"
#include "vmm/kvm/vm.h"

namespace sealvm::sev {

// A guest with `--isolation sev` or `sev-es`: ordinary memory, pinned, that the CPU encrypts with
// the guest's key wherever the guest's C-bit is set. The firmware is RAM below 4 GiB.
class SevGuest : public ConfidentialGuest {
 public:
  struct Options {
    bool encrypted_state = false;  // SEV-ES
    GuestLayout layout;
    uint64_t firmware_size = 0;  // bytes, whole pages; ends at 4 GiB
    MemoryPolicy policy = {};
    uint32_t guest_policy = 0;
    // SEV-ES: SEV_FEATURES of the VMSA, and where the other vCPUs start.
    uint64_t vmsa_features = 0;
    std::optional<uint32_t> ap_reset_eip = {};
    // CPUID(1).EAX, where it is not to be the host's.
    std::optional<uint32_t> signature = {};
    // What LAUNCH_START takes from the guest's owner; both or none.
    std::vector<uint8_t> dh_certificate = {};
    std::vector<uint8_t> session = {};
    // Who is told of the measurement and may have a secret for the guest, which goes to
    // [secret_gpa, secret_gpa + secret_size). Without an owner the launch just finishes.
    std::optional<LaunchOwner> owner = {};
    std::vector<uint8_t> digest = {};  // what the plan's digest is
    Gpa secret_gpa = 0;
    uint64_t secret_size = 0;
  };

  // `plan` is of PlanSevLaunch. `vm`, of the type of the mode, outlives the guest, and so does what
  // `plan` borrows until Launch has returned.
  SevGuest(Options options, LaunchPlan plan, kvm::Vm& vm, kvm::SevDevice device);

  void AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const override;
  Result<> InitVm(std::span<const kvm_cpuid_entry2> cpuid) override;
  Result<> CreateInterruptControllers() override { return vm_.CreateIrqchip(); }
  Result<> CreateMemory() override;
  Result<> AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) override;
  Result<> Launch(std::span<kvm::Vcpu* const> vcpus) override;
  const std::shared_ptr<SharedView>& view() const override { return view_; }
  PrivateRam* private_ram() const override { return nullptr; }

  // LAUNCH_MEASURE's answer, HMAC and nonce, for the owner; after Launch.
  const std::vector<uint8_t>& measurement() const { return measurement_; }

 private:
  // The bytes of this process that are the guest's at `gpa`; empty where it has no such memory.
  std::span<uint8_t> HostMemory(Gpa gpa, uint64_t size) const;
  Result<> UpdateData(const LaunchStep& step);
  Result<> AskOwner();

  const Options options_;
  const LaunchPlan plan_;
  kvm::Vm& vm_;
  const kvm::SevDevice device_;
  SevCommands commands_;
  std::shared_ptr<GuestMemory> memory_;
  Mapping firmware_;
  std::shared_ptr<SharedView> view_;
  std::vector<uint8_t> measurement_;
};

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_SEV_GUEST_H_
