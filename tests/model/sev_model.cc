// SPDX-License-Identifier: Apache-2.0
#include "tests/model/sev_model.h"

#include <errno.h>
#include <linux/psp-sev.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

#include <algorithm>

#include "tests/model/vmsa_model.h"

namespace sealvm::model {
namespace {

constexpr uint32_t kMeasurementSize = 48;  // HMAC and nonce
constexpr uint32_t kSecretHeaderSize = 52;
constexpr uint32_t kPolicyEs = 1u << 2;
// The session of LAUNCH_START, whose end is the HMAC of the policy; an SEV certificate.
constexpr uint32_t kSessionSize = 128;
constexpr uint32_t kSessionPolicyMac = 96;
constexpr uint32_t kCertificateSize = 2084;

// Policy bits that exist: NODBG, NOKS, ES, NOSEND, DOMAIN, SEV, and the least API version (SEV API
// 0.24, table 2).
constexpr uint32_t kPolicyBits = 0xffff003f;

template <typename T>
T& DataOf(const kvm_sev_cmd& command) {
  return *reinterpret_cast<T*>(command.data);
}

void Append(std::vector<uint8_t>& out, uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<uint8_t>(value >> shift));
  }
}

// By the TIK.
Sha256 Hmac(const std::vector<uint8_t>& text) {
  Sha256 mac;
  unsigned size = mac.size();
  const std::array<uint8_t, 16> tik = SevModel::Tik();
  HMAC(EVP_sha256(), tik.data(), static_cast<int>(tik.size()), text.data(), text.size(), mac.data(),
       &size);
  return mac;
}

// What KVM returns when the firmware refuses.
int FirmwareRefuses(kvm_sev_cmd& command, uint32_t status) {
  command.error = status;
  return EIO;
}

}  // namespace

int SevModel::Command(kvm_sev_cmd& command) {
  if (command.id == KVM_SEV_INIT2) return Init2(DataOf<kvm_sev_init>(command));
  if (state_ == State::kUninitialized) return ENOTTY;
  switch (command.id) {
    case KVM_SEV_LAUNCH_START:
      return LaunchStart(command);
    case KVM_SEV_LAUNCH_UPDATE_DATA:
      return LaunchUpdateData(command);
    case KVM_SEV_LAUNCH_UPDATE_VMSA:
      return is_es() ? LaunchUpdateVmsa(command) : ENOTTY;
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
  // Without a session the firmware makes keys that nobody knows.
  if (start.session_len != 0) {
    if (start.session_len != kSessionSize || start.dh_len != kCertificateSize) {
      return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
    }
    std::vector<uint8_t> policy;
    Append(policy, start.policy);
    const auto* mac = reinterpret_cast<const uint8_t*>(start.session_uaddr) + kSessionPolicyMac;
    if (memcmp(Hmac(policy).data(), mac, sizeof(Sha256)) != 0) {
      return FirmwareRefuses(command, SEV_RET_BAD_MEASUREMENT);
    }
  }
  policy_ = start.policy;
  state_ = State::kLaunchUpdate;
  return 0;
}

int SevModel::LaunchUpdateData(kvm_sev_cmd& command) {
  const auto& update = DataOf<kvm_sev_launch_update_data>(command);
  const bool in_slot = std::ranges::any_of(vm_.slots, [&](const auto& entry) {
    const SlotModel& slot = entry.second;
    return update.uaddr >= slot.hva && update.uaddr - slot.hva <= slot.size &&
           update.len <= slot.size - (update.uaddr - slot.hva);
  });
  if (!in_slot || !vm_.pinned.Contains(update.uaddr, update.uaddr + update.len)) return EFAULT;
  if (state_ != State::kLaunchUpdate) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  if (update.uaddr % 16 != 0) return FirmwareRefuses(command, SEV_RET_INVALID_ADDRESS);
  if (update.len == 0 || update.len % 16 != 0) return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  auto* bytes = reinterpret_cast<uint8_t*>(update.uaddr);
  submitted_.insert(submitted_.end(), bytes, bytes + update.len);
  // What the host sees from now on is another text.
  for (uint32_t i = 0; i < update.len; ++i) bytes[i] ^= 0x5a;
  return 0;
}

int SevModel::LaunchUpdateVmsa(kvm_sev_cmd& command) {
  if (state_ != State::kLaunchUpdate || has_vmsas_) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  for (const auto& vcpu : vm_.vcpus) {
    const std::vector<uint8_t> vmsa = MakeVmsa(*vcpu, vmsa_features_);
    submitted_.insert(submitted_.end(), vmsa.begin(), vmsa.end());
    vcpu->protected_state = true;
  }
  has_vmsas_ = true;
  return 0;
}

int SevModel::LaunchMeasure(kvm_sev_cmd& command) {
  auto& measure = DataOf<kvm_sev_launch_measure>(command);
  if (state_ != State::kLaunchUpdate && state_ != State::kLaunchSecret) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  if (measure.len < kMeasurementSize) {
    measure.len = kMeasurementSize;
    return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  }
  // SEV API 0.24, section 6.5.1.
  const Sha256 digest = Digest();
  std::vector<uint8_t> text = {0x04, vm_.host.api_major, vm_.host.api_minor, vm_.host.build};
  Append(text, policy_);
  text.insert(text.end(), digest.begin(), digest.end());
  std::array<uint8_t, 16> nonce;
  nonce.fill(0x4e);
  text.insert(text.end(), nonce.begin(), nonce.end());
  measure_ = Hmac(text);
  auto* out = reinterpret_cast<uint8_t*>(measure.uaddr);
  memcpy(out, measure_.data(), measure_.size());
  memcpy(out + measure_.size(), nonce.data(), nonce.size());
  state_ = State::kLaunchSecret;
  return 0;
}

int SevModel::LaunchSecret(kvm_sev_cmd& command) {
  const auto& secret = DataOf<kvm_sev_launch_secret>(command);
  if (state_ != State::kLaunchSecret) {
    return FirmwareRefuses(command, SEV_RET_INVALID_GUEST_STATE);
  }
  if (secret.hdr_len != kSecretHeaderSize || secret.trans_len != secret.guest_len) {
    return FirmwareRefuses(command, SEV_RET_INVALID_LEN);
  }
  // SEV API 0.24, section 6.6: flags, initial counter, HMAC.
  const auto* header = reinterpret_cast<const uint8_t*>(secret.hdr_uaddr);
  const auto* packet = reinterpret_cast<const uint8_t*>(secret.trans_uaddr);
  std::vector<uint8_t> text = {0x01};
  text.insert(text.end(), header, header + 20);
  Append(text, secret.guest_len);
  Append(text, secret.trans_len);
  text.insert(text.end(), packet, packet + secret.trans_len);
  text.insert(text.end(), measure_.begin(), measure_.end());
  if (memcmp(Hmac(text).data(), header + 20, sizeof(Sha256)) != 0) {
    return FirmwareRefuses(command, SEV_RET_BAD_MEASUREMENT);
  }
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int size = 0;
  EVP_DecryptInit_ex(context, EVP_aes_128_ctr(), nullptr, Tek().data(), header + 4);
  EVP_DecryptUpdate(context, reinterpret_cast<uint8_t*>(secret.guest_uaddr), &size, packet,
                    static_cast<int>(secret.trans_len));
  EVP_CIPHER_CTX_free(context);
  secret_.assign(reinterpret_cast<const uint8_t*>(secret.guest_uaddr),
                 reinterpret_cast<const uint8_t*>(secret.guest_uaddr) + size);
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
  if (state_ != State::kRunning || (is_es() && !has_vmsas_) || !vm_.irqchip) return EINVAL;
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

std::array<uint8_t, 16> SevModel::Tek() {
  std::array<uint8_t, 16> tek;
  tek.fill(0x7e);
  return tek;
}

std::array<uint8_t, 16> SevModel::Tik() {
  std::array<uint8_t, 16> tik;
  tik.fill(0x71);
  return tik;
}

}  // namespace sealvm::model
