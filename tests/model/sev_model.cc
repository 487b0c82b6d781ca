// SPDX-License-Identifier: Apache-2.0
#include "tests/model/sev_model.h"

#include <errno.h>
#include <linux/psp-sev.h>
#include <openssl/sha.h>

#include <algorithm>
#include <optional>
#include <span>

#include "tests/model/vmsa_model.h"

namespace sealvm::model {
namespace {

constexpr uint32_t kMeasurementSize = 48;  // HMAC and nonce
constexpr uint32_t kMaxBlob = 16 * 1024;   // KVM's SEV_FW_BLOB_MAX_SIZE
constexpr uint8_t kCipher = 0x5a;          // what stands for the encryption of memory
constexpr uint32_t kPolicyEs = 1u << 2;

// Policy bits that exist: NODBG, NOKS, ES, NOSEND, DOMAIN, SEV, and the least API version (SEV API
// 0.24, table 2).
constexpr uint32_t kPolicyBits = 0xffff003f;

template <typename T>
T& DataOf(const kvm_sev_cmd& command) {
  return *reinterpret_cast<T*>(command.data);
}

std::span<const uint8_t> BytesAt(uint64_t address, uint64_t size) {
  return {reinterpret_cast<const uint8_t*>(address), size};
}

// drivers/crypto/ccp/sev-dev.c, psp_copy_user_blob.
bool IsBlob(uint64_t address, uint32_t size) {
  return address != 0 && size != 0 && size <= kMaxBlob;
}

// What KVM returns when the firmware refuses.
int FirmwareRefuses(kvm_sev_cmd& command, uint32_t status) {
  command.error = status;
  return EIO;
}

}  // namespace

int SevModel::Command(kvm_sev_cmd& command, bool has_device) {
  if (command.id == KVM_SEV_INIT2) return Init2(DataOf<kvm_sev_init>(command));
  if (state_ == State::kUninitialized) return ENOTTY;
  if (command.id == KVM_SEV_LAUNCH_START) return has_device ? LaunchStart(command) : EBADF;
  if (command.id == KVM_SEV_LAUNCH_UPDATE_VMSA && !is_es()) return ENOTTY;
  // The other commands go to the file of LAUNCH_START.
  if (state_ == State::kInitialized) return EBADF;
  switch (command.id) {
    case KVM_SEV_LAUNCH_UPDATE_DATA:
      return LaunchUpdateData(command);
    case KVM_SEV_LAUNCH_UPDATE_VMSA:
      return LaunchUpdateVmsa(command);
    case KVM_SEV_LAUNCH_MEASURE:
      return LaunchMeasure(command);
    case KVM_SEV_LAUNCH_SECRET:
      return LaunchSecret(command);
    case KVM_SEV_LAUNCH_FINISH:
      return LaunchFinish(command);
    case KVM_SEV_INIT:
    case KVM_SEV_ES_INIT:
    default:
      return EINVAL;
  }
}

int SevModel::Init2(const kvm_sev_init& init) {
  if (state_ != State::kUninitialized || !vm_.vcpus.empty()) return EINVAL;
  const uint64_t allowed = is_es() ? vm_.host.vmsa_features.value_or(0) & ~(uint64_t{1} << 9) : 0;
  if (init.flags != 0 || (init.vmsa_features & ~allowed) != 0) return EINVAL;
  if (init.ghcb_version > 2 || (!is_es() && init.ghcb_version != 0)) return EINVAL;
  vmsa_features_ = init.vmsa_features;
  state_ = State::kInitialized;
  return 0;
}

int SevModel::LaunchStart(kvm_sev_cmd& command) {
  const auto& start = DataOf<kvm_sev_launch_start>(command);
  if (start.dh_uaddr != 0 && !IsBlob(start.dh_uaddr, start.dh_len)) return EINVAL;
  if (start.session_uaddr != 0 && !IsBlob(start.session_uaddr, start.session_len)) return EINVAL;
  if (start.handle != 0) return FirmwareRefuses(command, SEV_RET_INVALID_GUEST);
  // The ASID has its guest.
  if (state_ != State::kInitialized) return FirmwareRefuses(command, SEV_RET_ASID_OWNED);
  if ((start.policy & ~kPolicyBits) != 0) {
    return FirmwareRefuses(command, SEV_RET_INVALID_PARAM);
  }
  const uint32_t major = start.policy >> 16 & 0xff, minor = start.policy >> 24;
  const bool too_new =
      major > vm_.host.api_major || (major == vm_.host.api_major && minor > vm_.host.api_minor);
  if (too_new || ((start.policy & kPolicyEs) != 0) != is_es()) {
    return FirmwareRefuses(command, SEV_RET_POLICY_FAILURE);
  }
  if (const int err = OpenSession(command, start); err != 0) return err;
  policy_ = start.policy;
  state_ = State::kLaunchUpdate;
  return 0;
}

int SevModel::OpenSession(kvm_sev_cmd& command, const kvm_sev_launch_start& start) {
  if (start.dh_uaddr == 0) {
    keys_.tek.fill(0x70);
    keys_.tik.fill(0x71);
    return 0;
  }
  if (start.dh_len != kDhCertificateSize || start.session_len != kSessionSize) {
    return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  }
  const std::span<const uint8_t> certificate = BytesAt(start.dh_uaddr, start.dh_len);
  const std::span<const uint8_t> session = BytesAt(start.session_uaddr, start.session_len);
  const std::optional<SevModelKeys> keys = UnwrapSession(session, certificate, start.policy);
  if (!keys) return FirmwareRefuses(command, SEV_RET_BAD_MEASUREMENT);
  keys_ = *keys;
  dh_certificate_.assign(certificate.begin(), certificate.end());
  session_.assign(session.begin(), session.end());
  return 0;
}

bool SevModel::InPinnedSlot(uint64_t uaddr, uint64_t size) const {
  const bool in_slot = std::ranges::any_of(vm_.slots, [&](const auto& entry) {
    const SlotModel& slot = entry.second;
    return uaddr >= slot.hva && uaddr - slot.hva <= slot.size &&
           size <= slot.size - (uaddr - slot.hva);
  });
  return in_slot && vm_.pinned.Contains(uaddr, uaddr + size);
}

int SevModel::LaunchUpdateData(kvm_sev_cmd& command) {
  const auto& update = DataOf<kvm_sev_launch_update_data>(command);
  if (update.len == 0 || update.uaddr + update.len < update.uaddr) return EINVAL;
  // The model's own: KVM encrypts whatever the process has, and the guest would not have it.
  if (!InPinnedSlot(update.uaddr, update.len)) return EFAULT;
  if (state_ != State::kLaunchUpdate) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  if (update.uaddr % 16 != 0) return FirmwareRefuses(command, SEV_RET_INVALID_ADDRESS);
  if (update.len % 16 != 0) return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  auto* bytes = reinterpret_cast<uint8_t*>(update.uaddr);
  submitted_.insert(submitted_.end(), bytes, bytes + update.len);
  // What the host sees from now on is another text.
  for (uint32_t i = 0; i < update.len; ++i) bytes[i] ^= kCipher;
  return 0;
}

int SevModel::LaunchUpdateVmsa(kvm_sev_cmd& command) {
  for (const auto& vcpu : vm_.vcpus) {
    if (vcpu->protected_state) return EINVAL;
    if (state_ != State::kLaunchUpdate) {
      return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
    }
    const std::vector<uint8_t> vmsa = MakeVmsa(*vcpu, vmsa_features_);
    submitted_.insert(submitted_.end(), vmsa.begin(), vmsa.end());
    vcpu->protected_state = true;
  }
  return 0;
}

int SevModel::LaunchMeasure(kvm_sev_cmd& command) {
  auto& measure = DataOf<kvm_sev_launch_measure>(command);
  if (state_ != State::kLaunchUpdate) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  if (measure.len < kMeasurementSize) {
    // KVM says the size to those who ask for it alone.
    if (measure.len == 0) measure.len = kMeasurementSize;
    return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  }
  // SEV API 0.24, section 6.5.1.
  const Sha256 digest = Digest();
  std::vector<uint8_t> text = {0x04, vm_.host.api_major, vm_.host.api_minor, vm_.host.build};
  for (unsigned shift = 0; shift < 32; shift += 8) {
    text.push_back(static_cast<uint8_t>(policy_ >> shift));
  }
  text.insert(text.end(), digest.begin(), digest.end());
  std::array<uint8_t, 16> nonce;
  nonce.fill(0x4e);
  text.insert(text.end(), nonce.begin(), nonce.end());
  measure_ = HmacSha256(keys_.tik, text);
  auto* out = reinterpret_cast<uint8_t*>(measure.uaddr);
  std::ranges::copy(measure_, out);
  std::ranges::copy(nonce, out + measure_.size());
  state_ = State::kLaunchSecret;
  return 0;
}

int SevModel::LaunchSecret(kvm_sev_cmd& command) {
  const auto& secret = DataOf<kvm_sev_launch_secret>(command);
  if (secret.guest_len == 0 || secret.guest_uaddr + secret.guest_len < secret.guest_uaddr) {
    return EINVAL;
  }
  if (!InPinnedSlot(secret.guest_uaddr, secret.guest_len)) return EFAULT;  // as for data
  if (!IsBlob(secret.trans_uaddr, secret.trans_len)) return EINVAL;
  if (!IsBlob(secret.hdr_uaddr, secret.hdr_len)) return EINVAL;
  // In the order of the firmware that AMD has published.
  if (secret.guest_uaddr % 16 != 0) return FirmwareRefuses(command, SEV_RET_INVALID_ADDRESS);
  if (secret.hdr_len != kSecretHeaderSize || secret.guest_len % 16 != 0 ||
      secret.trans_len != secret.guest_len) {
    return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  }
  if (state_ != State::kLaunchSecret) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  const std::span<const uint8_t> header = BytesAt(secret.hdr_uaddr, secret.hdr_len);
  const std::optional<std::vector<uint8_t>> plain =
      OpenSecret(header, BytesAt(secret.trans_uaddr, secret.trans_len), keys_, measure_);
  if (!plain) return FirmwareRefuses(command, SEV_RET_BAD_MEASUREMENT);
  constexpr uint8_t kCompressed = 1;
  if ((header[0] & kCompressed) != 0) return FirmwareRefuses(command, SEV_RET_UNSUPPORTED);
  auto* bytes = reinterpret_cast<uint8_t*>(secret.guest_uaddr);
  for (size_t i = 0; i < plain->size(); ++i) bytes[i] = (*plain)[i] ^ kCipher;
  return 0;
}

int SevModel::LaunchFinish(kvm_sev_cmd& command) {
  if (state_ != State::kLaunchSecret) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  state_ = State::kRunning;
  return 0;
}

int SevModel::CheckRun() const {
  const bool has_vmsas =
      std::ranges::all_of(vm_.vcpus, [](const auto& vcpu) { return vcpu->protected_state; });
  if (state_ != State::kRunning || (is_es() && !has_vmsas) || !vm_.irqchip) return EINVAL;
  // The guest's memory must stay where it is.
  for (const auto& [number, slot] : vm_.slots) {
    if (!vm_.pinned.Contains(slot.hva, slot.hva + slot.size)) return EFAULT;
  }
  return 0;
}

Sha256 SevModel::Digest() const {
  Sha256 digest;
  SHA256(submitted_.data(), submitted_.size(), digest.data());
  return digest;
}

std::vector<uint8_t> SevModel::ReadAsGuest(uint64_t gpa, size_t size) const {
  for (const auto& [number, slot] : vm_.slots) {
    if (gpa < slot.gpa || gpa - slot.gpa > slot.size || size > slot.size - (gpa - slot.gpa))
      continue;
    const std::span<const uint8_t> host = BytesAt(slot.hva + (gpa - slot.gpa), size);
    std::vector<uint8_t> bytes(host.begin(), host.end());
    for (uint8_t& byte : bytes) byte ^= kCipher;
    return bytes;
  }
  return {};
}

}  // namespace sealvm::model
