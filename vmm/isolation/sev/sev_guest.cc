// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/sev_guest.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "memory/memfd_provider.h"
#include "vmm/isolation/measurement/vcpu_reset_state.h"
#include "vmm/isolation/sev/reset_vcpu.h"
#include "vmm/isolation/sev/sev_face.h"

namespace sealvm::sev {
namespace {

constexpr Gpa kFirmwareTop = 4 * kGiB;

uint64_t AddressOf(const Mapping& mapping) { return reinterpret_cast<uint64_t>(mapping.data()); }

}  // namespace

SevGuest::SevGuest(Options options, LaunchPlan plan, kvm::Vm& vm, kvm::SevDevice device)
    : options_(std::move(options)),
      plan_(std::move(plan)),
      vm_(vm),
      device_(std::move(device)),
      commands_(vm_, device_) {}

void SevGuest::AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const {
  ApplySevFace(cpuid, options_.encrypted_state ? IsolationMode::kSevEs : IsolationMode::kSev,
               options_.signature);
}

Result<> SevGuest::InitVm(std::span<const kvm_cpuid_entry2>) {
  return commands_.Init2(options_.vmsa_features);
}

Result<> SevGuest::CreateMemory() {
  const GuestLayout& layout = options_.layout;
  memory_ = std::make_shared<GuestMemory>(SEALVM_TRY(GuestMemory::Create(
      layout, SEALVM_TRY(MemfdProvider().Create(layout.ram_size(), options_.policy)))));
  view_ = SEALVM_TRY(SharedView::Create(memory_, nullptr));
  firmware_ = SEALVM_TRY(Mapping::Create(options_.firmware_size, PROT_READ | PROT_WRITE,
                                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, "firmware"));
  uint32_t slot = 0;
  const auto bind = [&](Gpa gpa, uint64_t size, uint64_t hva) -> Result<> {
    SEALVM_TRY(vm_.SetUserMemoryRegion({.slot = slot++, .gpa = gpa, .size = size, .hva = hva}));
    return vm_.RegisterEncryptedRegion(hva, size);
  };
  for (const RamRange& range : layout.ram()) {
    SEALVM_TRY(bind(range.base, range.size, memory_->HostAddressForMemslot(range)));
  }
  return bind(kFirmwareTop - options_.firmware_size, options_.firmware_size, AddressOf(firmware_));
}

Result<> SevGuest::AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) {
  SEALVM_TRY(vcpu.SetCpuid(cpuid));
  // A SEV guest's other vCPUs wait for their start-up IPI, and KVM resets vCPUs to where firmware
  // begins.
  if (!options_.encrypted_state) return {};
  const uint32_t eip = vcpu.id() == 0 ? kResetVector : options_.ap_reset_eip.value_or(0);
  return SetResetState(vcpu, eip, SignatureOf(cpuid));
}

std::span<uint8_t> SevGuest::HostMemory(Gpa gpa, uint64_t size) const {
  const Gpa firmware_base = kFirmwareTop - firmware_.size();
  if (gpa >= firmware_base && gpa < kFirmwareTop && size <= kFirmwareTop - gpa) {
    return {firmware_.data() + (gpa - firmware_base), size};
  }
  if (const std::optional<BackingRange> bytes = options_.layout.BackingOf(gpa, size)) {
    return {memory_->HostAddress(*bytes), size};
  }
  return {};
}

Result<> SevGuest::UpdateData(const LaunchStep& step) {
  const std::span<uint8_t> memory = HostMemory(step.gpa, step.size);
  if (memory.size() != step.size) {
    return InvalidInput(
        fmt::format("the firmware wants its {} at GPA {:#x}+{:#x}, where the guest has no memory",
                    step.what, step.gpa, step.size),
        "raise --memory");
  }
  std::ranges::copy(step.content, memory.begin());
  return commands_.LaunchUpdateData(memory);
}

// Between LAUNCH_MEASURE and LAUNCH_FINISH, the only time for a secret.
Result<> SevGuest::AskOwner() {
  const kvm::SevPlatformStatus platform = SEALVM_TRY(device_.PlatformStatus());
  const std::optional<LaunchSecretPacket> secret =
      SEALVM_TRY(options_.owner->Ask({.api_major = platform.api_major,
                                      .api_minor = platform.api_minor,
                                      .build = platform.build,
                                      .policy = options_.guest_policy,
                                      .digest = options_.digest,
                                      .measurement = measurement_}));
  if (!secret) return {};
  if (secret->data.size() > options_.secret_size) {
    return InvalidInput(fmt::format("--sev-secret: {} bytes, where the firmware has room for {}",
                                    secret->data.size(), options_.secret_size));
  }
  const std::span<uint8_t> area = HostMemory(options_.secret_gpa, secret->data.size());
  if (area.empty()) {
    return InvalidInput(fmt::format("--sev-secret: the firmware wants it at GPA {:#x}, where the "
                                    "guest has no memory",
                                    options_.secret_gpa),
                        "raise --memory");
  }
  return commands_.LaunchSecret(secret->header, area, secret->data);
}

Result<> SevGuest::Launch(std::span<kvm::Vcpu* const>) {
  SEALVM_TRY(
      commands_.LaunchStart(options_.guest_policy, options_.dh_certificate, options_.session));
  for (const LaunchStep& step : plan_.steps()) {
    if (step.kind == LaunchStepKind::kSevData) SEALVM_TRY(UpdateData(step));
  }
  // KVM takes the state of all vCPUs at once, in the order of their ids.
  if (options_.encrypted_state) SEALVM_TRY(commands_.LaunchUpdateVmsa());
  measurement_ = SEALVM_TRY(commands_.LaunchMeasure());
  if (options_.owner) SEALVM_TRY(AskOwner());
  return commands_.LaunchFinish();
}

}  // namespace sealvm::sev
