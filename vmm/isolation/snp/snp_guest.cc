// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/snp/snp_guest.h"

#include <linux/kvm.h>
#include <linux/kvm_para.h>
#include <sys/mman.h>

#include <utility>

#include "memory/base/mapping.h"
#include "vmm/isolation/confidential/map_gpa_range.h"
#include "vmm/isolation/measurement/vcpu_reset_state.h"
#include "vmm/isolation/sev/reset_vcpu.h"
#include "vmm/isolation/sev/sev_face.h"
#include "vmm/isolation/snp/cpuid_page.h"

namespace sealvm::snp {

SnpGuest::SnpGuest(Options options, LaunchPlan plan, kvm::Vm& vm, kvm::SevDevice device,
                   Logger logger)
    : options_(std::move(options)),
      plan_(std::move(plan)),
      vm_(vm),
      device_(std::move(device)),
      logger_(std::move(logger)),
      commands_(vm_, device_) {}

void SnpGuest::AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const {
  sev::ApplySevFace(cpuid, IsolationMode::kSnp, options_.signature);
}

Result<> SnpGuest::InitVm(std::span<const kvm_cpuid_entry2> cpuid) {
  cpuid_.assign(cpuid.begin(), cpuid.end());
  SEALVM_TRY(commands_.sev().Init2(options_.vmsa_features));
  if (options_.certificates) SEALVM_TRY(commands_.EnableCertificateRequests());
  // Without it every page state change fails inside the guest.
  return EnableMapGpaRange(vm_);
}

Result<> SnpGuest::CreateMemory() {
  ram_ = SEALVM_TRY(PrivateRam::Create(options_.memory, vm_));
  return {};
}

Result<> SnpGuest::AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) {
  SEALVM_TRY(vcpu.SetCpuid(cpuid));
  const uint32_t eip = vcpu.id() == 0 ? kResetVector : options_.ap_reset_eip.value_or(0);
  return sev::SetResetState(vcpu, eip, sev::SignatureOf(cpuid));
}

Result<> SnpGuest::DoStep(const LaunchStep& step) {
  const auto update = [&](uint8_t type, std::span<const uint8_t> source) {
    return commands_.LaunchUpdate(type, step.gpa, step.size, source);
  };
  // The kernel wants to copy something where the plan has no content.
  const auto blank = [&] {
    return Mapping::Create(step.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0,
                           "launch page");
  };
  switch (step.kind) {
    case LaunchStepKind::kSnpNormal: {
      if (!step.content.empty()) return update(KVM_SEV_SNP_PAGE_TYPE_NORMAL, step.content);
      const Mapping zeros = SEALVM_TRY(blank());
      return update(KVM_SEV_SNP_PAGE_TYPE_NORMAL, {zeros.data(), zeros.size()});
    }
    case LaunchStepKind::kSnpZero:
      return update(KVM_SEV_SNP_PAGE_TYPE_ZERO, {});
    case LaunchStepKind::kSnpUnmeasured: {
      const Mapping zeros = SEALVM_TRY(blank());
      return update(KVM_SEV_SNP_PAGE_TYPE_UNMEASURED, {zeros.data(), zeros.size()});
    }
    case LaunchStepKind::kSnpSecrets: {
      const Mapping page = SEALVM_TRY(blank());
      return update(KVM_SEV_SNP_PAGE_TYPE_SECRETS, {page.data(), page.size()});
    }
    case LaunchStepKind::kSnpCpuid: {
      const Mapping page = SEALVM_TRY(blank());
      const std::span<uint8_t, kPageSize> bytes(page.data(), kPageSize);
      SEALVM_TRY(BuildCpuidPage(cpuid_, bytes));
      if (SEALVM_TRY(commands_.LaunchUpdateCpuid(step.gpa, bytes))) {
        logger_.Log(LogLevel::kWarning,
                    "the firmware corrected the guest's CPUID page: the guest sees less of this "
                    "CPU than KVM offers");
      }
      return {};
    }
    default:
      break;
  }
  // KVM measures the VMSAs itself, from the vCPUs, when the launch is finished.
  return {};
}

Result<> SnpGuest::Launch(std::span<kvm::Vcpu* const>) {
  SEALVM_TRY(commands_.LaunchStart(options_.guest_policy));
  for (const LaunchStep& step : plan_.steps()) SEALVM_TRY(DoStep(step));
  return commands_.Finish(options_.finish);
}

}  // namespace sealvm::snp
