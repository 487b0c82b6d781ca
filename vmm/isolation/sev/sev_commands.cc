// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/sev_commands.h"

#include <linux/kvm.h>

#include <algorithm>

#include "vmm/isolation/confidential/retry.h"
#include "vmm/isolation/sev/firmware_error.h"

namespace sealvm::sev {
namespace {

// Of one KVM_SEV_LAUNCH_UPDATE_DATA, whose length field has 32 bits; a multiple of a page.
constexpr size_t kMaxUpdateSize = size_t{1} << 30;

uint64_t AddressOf(std::span<const uint8_t> bytes) {
  return bytes.empty() ? 0 : reinterpret_cast<uint64_t>(bytes.data());
}

uint32_t SizeOf(std::span<const uint8_t> bytes) { return static_cast<uint32_t>(bytes.size()); }

}  // namespace

kvm::SevOutcome SevCommands::Issue(uint32_t id, void* data) {
  return RetryWhileBusy([&] { return vm_.SevCommand(id, data, device_.fd()); });
}

Result<> SevCommands::Do(std::string_view name, uint32_t id, void* data) {
  const kvm::SevOutcome outcome = Issue(id, data);
  if (!outcome.ok()) return FirmwareError(name, outcome.firmware_error, outcome.os_error);
  return {};
}

Result<> SevCommands::Init2(uint64_t vmsa_features, uint16_t ghcb_version) {
  kvm_sev_init init = {};
  init.vmsa_features = vmsa_features;
  init.ghcb_version = ghcb_version;
  return Do("KVM_SEV_INIT2", KVM_SEV_INIT2, &init);
}

Result<> SevCommands::LaunchStart(uint32_t policy, std::span<const uint8_t> dh_certificate,
                                  std::span<const uint8_t> session) {
  kvm_sev_launch_start start = {};
  start.policy = policy;
  start.dh_uaddr = AddressOf(dh_certificate);
  start.dh_len = SizeOf(dh_certificate);
  start.session_uaddr = AddressOf(session);
  start.session_len = SizeOf(session);
  return Do("KVM_SEV_LAUNCH_START", KVM_SEV_LAUNCH_START, &start);
}

Result<> SevCommands::LaunchUpdateData(std::span<uint8_t> memory) {
  while (!memory.empty()) {
    const std::span<uint8_t> piece = memory.first(std::min(memory.size(), kMaxUpdateSize));
    kvm_sev_launch_update_data update = {};
    update.uaddr = AddressOf(piece);
    update.len = SizeOf(piece);
    SEALVM_TRY(Do("KVM_SEV_LAUNCH_UPDATE_DATA", KVM_SEV_LAUNCH_UPDATE_DATA, &update));
    memory = memory.subspan(piece.size());
  }
  return {};
}

Result<> SevCommands::LaunchUpdateVmsa() {
  return Do("KVM_SEV_LAUNCH_UPDATE_VMSA", KVM_SEV_LAUNCH_UPDATE_VMSA, nullptr);
}

Result<std::vector<uint8_t>> SevCommands::LaunchMeasure() {
  // The first call fails with INVALID_LEN and says the size; without one it failed for good.
  kvm_sev_launch_measure measure = {};
  const kvm::SevOutcome asked = Issue(KVM_SEV_LAUNCH_MEASURE, &measure);
  if (!asked.ok() && measure.len == 0) {
    return FirmwareError("KVM_SEV_LAUNCH_MEASURE", asked.firmware_error, asked.os_error);
  }
  // HMAC-SHA256 and nonce are 48 bytes (SEV API 0.24, section 6.5).
  constexpr uint32_t kMaxMeasurement = 4096;
  if (measure.len == 0 || measure.len > kMaxMeasurement) {
    return HostError("KVM_SEV_LAUNCH_MEASURE: the firmware says no sensible length");
  }
  std::vector<uint8_t> measurement(measure.len);
  measure.uaddr = AddressOf(measurement);
  SEALVM_TRY(Do("KVM_SEV_LAUNCH_MEASURE", KVM_SEV_LAUNCH_MEASURE, &measure));
  return measurement;
}

Result<> SevCommands::LaunchSecret(std::span<const uint8_t> header, std::span<uint8_t> guest,
                                   std::span<const uint8_t> packet) {
  kvm_sev_launch_secret secret = {};
  secret.hdr_uaddr = AddressOf(header);
  secret.hdr_len = SizeOf(header);
  secret.guest_uaddr = AddressOf(guest);
  secret.guest_len = SizeOf(guest);
  secret.trans_uaddr = AddressOf(packet);
  secret.trans_len = SizeOf(packet);
  return Do("KVM_SEV_LAUNCH_SECRET", KVM_SEV_LAUNCH_SECRET, &secret);
}

Result<> SevCommands::LaunchFinish() {
  return Do("KVM_SEV_LAUNCH_FINISH", KVM_SEV_LAUNCH_FINISH, nullptr);
}

}  // namespace sealvm::sev
