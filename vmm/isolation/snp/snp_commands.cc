// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/snp/snp_commands.h"

#include <errno.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>

#include <algorithm>

#include "vmm/isolation/confidential/retry.h"
#include "vmm/isolation/sev/firmware_error.h"
#include "vmm/isolation/snp/cpuid_page.h"

namespace sealvm::snp {

Result<> SnpCommands::EnableCertificateRequests() {
  return commands_.Do("KVM_SEV_SNP_ENABLE_REQ_CERTS", KVM_SEV_SNP_ENABLE_REQ_CERTS, nullptr);
}

Result<> SnpCommands::LaunchStart(uint64_t policy) {
  kvm_sev_snp_launch_start start = {};
  start.policy = policy;
  return commands_.Do("KVM_SEV_SNP_LAUNCH_START", KVM_SEV_SNP_LAUNCH_START, &start);
}

// Success with bytes left, and EAGAIN or EINTR with fewer of them, mean: go on.
kvm::SevOutcome SnpCommands::Update(uint8_t type, Gpa gpa, uint64_t size, const uint8_t* source) {
  kvm_sev_snp_launch_update update = {};
  update.gfn_start = gpa / kPageSize;
  update.uaddr = reinterpret_cast<uint64_t>(source);
  update.len = size;
  update.type = type;
  uint64_t left = update.len;
  const auto progress = [&] {
    const bool made = update.len < left;
    left = update.len;
    return made;
  };
  const auto issue = [&] {
    kvm::SevOutcome outcome = commands_.Issue(KVM_SEV_SNP_LAUNCH_UPDATE, &update);
    if (outcome.ok() && update.len > 0) outcome.os_error = EAGAIN;
    return outcome;
  };
  return RetryWhileBusy(issue, progress);
}

Result<> SnpCommands::LaunchUpdate(uint8_t type, Gpa gpa, uint64_t size,
                                   std::span<const uint8_t> source) {
  const kvm::SevOutcome outcome = Update(type, gpa, size, source.empty() ? nullptr : source.data());
  if (outcome.ok()) return {};
  return sev::FirmwareError(
      fmt::format("KVM_SEV_SNP_LAUNCH_UPDATE of GPA {:#x}+{:#x}, page type {}", gpa, size, type),
      outcome.firmware_error, outcome.os_error);
}

Result<bool> SnpCommands::LaunchUpdateCpuid(Gpa gpa, std::span<uint8_t, kPageSize> page) {
  std::array<uint8_t, kPageSize> before;
  // Firmware may correct all leaves at once or one at a time.
  for (size_t corrections = 0;; ++corrections) {
    std::ranges::copy(page, before.begin());
    const kvm::SevOutcome outcome =
        Update(KVM_SEV_SNP_PAGE_TYPE_CPUID, gpa, kPageSize, page.data());
    if (outcome.ok()) return corrections > 0;
    const bool corrected =
        outcome.firmware_error == SEV_RET_INVALID_PARAM && !std::ranges::equal(page, before);
    if (!corrected || corrections == kMaxCpuidPageEntries) {
      return sev::FirmwareError(
          fmt::format("KVM_SEV_SNP_LAUNCH_UPDATE of the CPUID page (GPA {:#x})", gpa),
          outcome.firmware_error, outcome.os_error);
    }
  }
}

Result<> SnpCommands::Finish(const LaunchFinish& finish) {
  kvm_sev_snp_launch_finish request = {};
  if (!finish.id_block.empty()) {
    if (finish.id_block.size() != KVM_SEV_SNP_ID_BLOCK_SIZE ||
        finish.id_auth.size() != KVM_SEV_SNP_ID_AUTH_SIZE) {
      return InvalidInput(fmt::format("an ID block of {} and an ID authentication of {} bytes",
                                      finish.id_block.size(), finish.id_auth.size()),
                          "they have 96 and 4096 bytes");
    }
    request.id_block_uaddr = reinterpret_cast<uint64_t>(finish.id_block.data());
    request.id_auth_uaddr = reinterpret_cast<uint64_t>(finish.id_auth.data());
    request.id_block_en = 1;
    request.auth_key_en = finish.author_key ? 1 : 0;
  }
  request.vcek_disabled = finish.vcek_disabled ? 1 : 0;
  std::ranges::copy(finish.host_data, request.host_data);
  return commands_.Do("KVM_SEV_SNP_LAUNCH_FINISH", KVM_SEV_SNP_LAUNCH_FINISH, &request);
}

}  // namespace sealvm::snp
