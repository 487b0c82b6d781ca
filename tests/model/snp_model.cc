// SPDX-License-Identifier: Apache-2.0
#include "tests/model/snp_model.h"

#include <errno.h>
#include <linux/psp-sev.h>
#include <openssl/sha.h>
#include <string.h>

#include <algorithm>

#include "tests/model/vmsa_model.h"

namespace sealvm::model {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kMandatoryPolicyBit = uint64_t{1} << 17;
constexpr uint64_t kPolicySmt = uint64_t{1} << 16;
constexpr uint8_t kPageTypeVmsa = 2;
constexpr uint64_t kVmsaAddress = 0xfffffffff000;
constexpr uint64_t kSnpActive = 1;
constexpr uint64_t kSecureTsc = uint64_t{1} << 9;

template <typename T>
T& DataOf(const kvm_sev_cmd& command) {
  return *reinterpret_cast<T*>(command.data);
}

int FirmwareRefuses(kvm_sev_cmd& command, uint32_t status) {
  command.error = status;
  return EIO;
}

Sha384 HashPage(const uint8_t* page) {
  Sha384 digest;
  SHA384(page, kPage, digest.data());
  return digest;
}

bool IsPageType(uint8_t type) {
  return type == KVM_SEV_SNP_PAGE_TYPE_NORMAL || type == KVM_SEV_SNP_PAGE_TYPE_ZERO ||
         type == KVM_SEV_SNP_PAGE_TYPE_UNMEASURED || type == KVM_SEV_SNP_PAGE_TYPE_SECRETS ||
         type == KVM_SEV_SNP_PAGE_TYPE_CPUID;
}

}  // namespace

int SnpModel::Command(kvm_sev_cmd& command, bool has_device) {
  const bool initialized = state_ != State::kUninitialized;
  if (command.id == KVM_SEV_INIT2 && !initialized) return Init2(DataOf<kvm_sev_init>(command));
  if (command.id < KVM_SEV_SNP_LAUNCH_START) return initialized ? EPERM : ENOTTY;
  switch (command.id) {
    case KVM_SEV_SNP_LAUNCH_START:
      return initialized ? LaunchStart(command, has_device) : ENOTTY;
    case KVM_SEV_SNP_LAUNCH_UPDATE:
      return LaunchUpdate(command, has_device);
    case KVM_SEV_SNP_LAUNCH_FINISH:
      return initialized ? LaunchFinish(command) : ENOTTY;
    case KVM_SEV_SNP_ENABLE_REQ_CERTS:
      if (!initialized || !vm_.host.snp_certificates || !vm_.vcpus.empty()) return EINVAL;
      certificates_ = true;
      return 0;
    default:
      return EINVAL;
  }
}

int SnpModel::Init2(const kvm_sev_init& init) {
  const uint64_t allowed = vm_.host.vmsa_features.value_or(0) & ~kSnpActive;
  if (!vm_.vcpus.empty() || init.flags != 0 || (init.vmsa_features & ~allowed) != 0) return EINVAL;
  if (init.ghcb_version == 1 || init.ghcb_version > 2) return EINVAL;
  vmsa_features_ = init.vmsa_features | kSnpActive;
  state_ = State::kInitialized;
  return 0;
}

int SnpModel::LaunchStart(kvm_sev_cmd& command, bool has_device) {
  const auto& start = DataOf<kvm_sev_snp_launch_start>(command);
  if (state_ != State::kInitialized || start.flags != 0) return EINVAL;
  // Without the attribute a kernel knows no more than SINGLE_SOCKET (bit 20), and no MIGRATE_MA.
  const uint64_t allowed = vm_.host.snp_policy_bits.value_or(0x1bffff);
  if ((start.policy & ~allowed) != 0 || (start.policy & kMandatoryPolicyBit) == 0) return EINVAL;
  if ((vmsa_features_ & kSecureTsc) != 0 && vm_.tsc_khz == 0) return EINVAL;
  if (!has_device) return EBADF;
  const uint64_t major = start.policy >> 8 & 0xff, minor = start.policy & 0xff;
  const bool too_new =
      major > vm_.host.api_major || (major == vm_.host.api_major && minor > vm_.host.api_minor);
  if (too_new || (vm_.host.smt && (start.policy & kPolicySmt) == 0)) {
    return FirmwareRefuses(command, SEV_RET_POLICY_FAILURE);
  }
  policy_ = start.policy;
  state_ = State::kLaunching;
  return 0;
}

int SnpModel::LaunchUpdate(kvm_sev_cmd& command, bool has_device) {
  auto& update = DataOf<kvm_sev_snp_launch_update>(command);
  if (state_ != State::kLaunching && state_ != State::kFinished) return EINVAL;
  if (update.len == 0 || update.len % kPage != 0 || update.flags != 0) return EINVAL;
  if (!IsPageType(update.type)) return EINVAL;
  const bool has_source = update.type != KVM_SEV_SNP_PAGE_TYPE_ZERO;
  if (has_source && (update.uaddr == 0 || update.uaddr % kPage != 0)) return EINVAL;
  if (!vm_.InPrivateSlot(update.gfn_start * kPage, update.len)) return EINVAL;
  uint64_t done = 0;
  while (update.len > 0) {
    if (pages_per_call > 0 && done++ == pages_per_call) return stops_with_eagain ? EAGAIN : 0;
    const uint64_t gpa = update.gfn_start * kPage;
    // KVM's own reasons to refuse a page come to user space as those of a firmware without one.
    if (!has_device || !vm_.private_pages.Contains(gpa, gpa + kPage)) return EIO;
    if (validated_.Touches(gpa, gpa + kPage)) return EIO;
    const uint32_t status = UpdatePage(update.type, gpa, reinterpret_cast<uint8_t*>(update.uaddr));
    if (status != SEV_RET_SUCCESS) return FirmwareRefuses(command, status);
    validated_.Add(gpa, gpa + kPage);
    ++update.gfn_start;
    update.len -= kPage;
    if (has_source) update.uaddr += kPage;
  }
  return 0;
}

uint32_t SnpModel::UpdatePage(uint8_t type, uint64_t gpa, uint8_t* source) {
  if (state_ != State::kLaunching) return SEV_RET_INVALID_GUEST_STATE;
  if (type == KVM_SEV_SNP_PAGE_TYPE_CPUID) {
    uint32_t count = 0;
    memcpy(&count, source, sizeof(count));
    if (count > 64) return SEV_RET_INVALID_PARAM;
    if (vm_.host.correct_cpuid && vm_.host.correct_cpuid(source)) return SEV_RET_INVALID_PARAM;
  }
  // Only what a NORMAL page holds is measured.
  Extend(type, gpa, type == KVM_SEV_SNP_PAGE_TYPE_NORMAL ? HashPage(source) : Sha384{});
  return SEV_RET_SUCCESS;
}

// PAGE_INFO (section 8.17.2): digest, contents, length 112, type, IMI, VMPL permissions, GPA.
void SnpModel::Extend(uint8_t page_type, uint64_t gpa, const Sha384& contents) {
  std::array<uint8_t, 112> info = {};
  std::ranges::copy(digest_, info.begin());
  std::ranges::copy(contents, info.begin() + 48);
  info[96] = 112;
  info[98] = page_type;
  memcpy(&info[104], &gpa, sizeof(gpa));
  SHA384(info.data(), info.size(), digest_.data());
}

int SnpModel::LaunchFinish(kvm_sev_cmd& command) {
  const auto& finish = DataOf<kvm_sev_snp_launch_finish>(command);
  if ((state_ != State::kLaunching && state_ != State::kFinished) || finish.flags != 0) {
    return EINVAL;
  }
  for (const auto& vcpu : vm_.vcpus) {
    if (vcpu->protected_state) return EINVAL;
  }
  if (state_ == State::kFinished) return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  for (const auto& vcpu : vm_.vcpus) {
    const std::vector<uint8_t> vmsa = MakeVmsa(*vcpu, vmsa_features_);
    Extend(kPageTypeVmsa, kVmsaAddress, HashPage(vmsa.data()));
    vcpu->protected_state = true;
  }
  if (finish.id_block_en != 0) {
    const auto bytes_at = [](uint64_t address, size_t size) {
      return std::span(reinterpret_cast<const uint8_t*>(address), size);
    };
    const auto block = bytes_at(finish.id_block_uaddr, KVM_SEV_SNP_ID_BLOCK_SIZE);
    const auto auth = bytes_at(finish.id_auth_uaddr, KVM_SEV_SNP_ID_AUTH_SIZE);
    const uint32_t status = CheckIdBlock(block, auth, finish.auth_key_en != 0);
    if (status != SEV_RET_SUCCESS) return FirmwareRefuses(command, status);
    id_block_.assign(block.begin(), block.end());
    id_auth_.assign(auth.begin(), auth.end());
  }
  finish_ = finish;
  state_ = State::kFinished;
  return 0;
}

// Section 8.18: the block's digest at offset 0, version at 80, policy at 88; the authentication's
// algorithms at 0 and 4, of which there is one. Signatures are for other tests.
uint32_t SnpModel::CheckIdBlock(std::span<const uint8_t> block, std::span<const uint8_t> auth,
                                bool author_key) const {
  constexpr uint32_t kEcdsaP384 = 1;
  const auto word = [](std::span<const uint8_t> bytes, size_t offset) {
    uint32_t value = 0;
    memcpy(&value, &bytes[offset], sizeof(value));
    return value;
  };
  uint64_t policy = 0;
  memcpy(&policy, &block[88], sizeof(policy));
  if (!std::ranges::equal(block.first(48), digest_)) return SEV_RET_BAD_MEASUREMENT;
  if (policy != policy_) return SEV_RET_POLICY_FAILURE;
  // "Must be 1": the firmware that AMD has published looks at algorithms alone.
  if (word(block, 80) != 1) return SEV_RET_INVALID_PARAM;
  if (word(auth, 0) != kEcdsaP384) return SEV_RET_INVALID_PARAM;
  if (author_key && word(auth, 4) != kEcdsaP384) return SEV_RET_INVALID_PARAM;
  return SEV_RET_SUCCESS;
}

int SnpModel::CheckRun() const { return state_ == State::kFinished && vm_.irqchip ? 0 : EINVAL; }

}  // namespace sealvm::model
