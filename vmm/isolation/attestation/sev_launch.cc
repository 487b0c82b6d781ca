// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_launch.h"

#include <fmt/format.h>

#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/sev_session_crypto.h"

namespace sealvm::attestation {
namespace {

// The first byte of what each HMAC covers.
constexpr uint8_t kSecretContext = 0x01;
constexpr uint8_t kMeasureContext = 0x04;

namespace session {
constexpr size_t kNonce = 0;
constexpr size_t kWrappedKeys = 16;
constexpr size_t kIv = 48;
constexpr size_t kWrapMac = 64;
constexpr size_t kPolicyMac = 96;
}  // namespace session

namespace secret_header {
constexpr size_t kFlags = 0;
constexpr size_t kIv = 4;
constexpr size_t kMac = 20;
}  // namespace secret_header

void Append(std::vector<uint8_t>& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void Append(std::vector<uint8_t>& out, uint32_t value) {
  for (unsigned i = 0; i < sizeof(value); ++i) out.push_back(static_cast<uint8_t>(value >> 8 * i));
}

Sha256Digest SecretMac(uint32_t flags, const SevKey& iv, std::span<const uint8_t> data,
                       const Sha256Digest& measure, const SevKey& tik) {
  std::vector<uint8_t> covered = {kSecretContext};
  Append(covered, flags);
  Append(covered, iv);
  const auto size = static_cast<uint32_t>(data.size());
  Append(covered, size);  // GUEST_LENGTH
  Append(covered, size);  // TRANS_LENGTH
  Append(covered, data);
  Append(covered, measure);
  return HmacSha256(tik, covered);
}

Result<> CheckSecretSize(size_t size, std::string_view name) {
  if (size != 0 && size % 16 == 0 && size <= kMaxSevSecretSize) return {};
  return InvalidInput(
      fmt::format("{}: {} bytes", name, size),
      fmt::format("a secret has 16 to {} bytes, a multiple of 16", kMaxSevSecretSize));
}

}  // namespace

SevKey DeriveSevKey(std::span<const uint8_t> key, std::string_view label,
                    std::span<const uint8_t> context) {
  constexpr uint32_t kFirstBlock = 1;
  constexpr uint32_t kBits = 128;
  std::vector<uint8_t> covered;
  Append(covered, kFirstBlock);
  covered.insert(covered.end(), label.begin(), label.end());
  covered.push_back(0);
  Append(covered, context);
  Append(covered, kBits);
  return FieldReader(HmacSha256(key, covered)).Array<16>(0);
}

Result<std::array<uint8_t, kSevSessionSize>> BuildSevSession(const SevTransportKeys& keys,
                                                             uint32_t policy,
                                                             std::span<const uint8_t> shared_secret,
                                                             const SevKey& nonce,
                                                             const SevKey& iv) {
  const SevKey master = DeriveSevKey(shared_secret, "sev-master-secret", nonce);
  const SevKey kek = DeriveSevKey(master, "sev-kek", {});
  const SevKey kik = DeriveSevKey(master, "sev-kik", {});
  std::vector<uint8_t> plain(keys.tek.begin(), keys.tek.end());
  Append(plain, keys.tik);
  const std::vector<uint8_t> wrapped = SEALVM_TRY(AesCtr128(kek, iv, plain));
  std::vector<uint8_t> policy_bytes;
  Append(policy_bytes, policy);
  std::array<uint8_t, kSevSessionSize> out = {};
  FieldWriter writer(out);
  writer.Copy(session::kNonce, nonce);
  writer.Copy(session::kWrappedKeys, wrapped);
  writer.Copy(session::kIv, iv);
  writer.Copy(session::kWrapMac, HmacSha256(kik, wrapped));
  writer.Copy(session::kPolicyMac, HmacSha256(keys.tik, policy_bytes));
  return out;
}

Result<SevMeasurement> ParseSevMeasurement(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() != kSevMeasurementSize) {
    return InvalidInput(fmt::format("{}: a launch measurement has {} bytes, this has {}", name,
                                    kSevMeasurementSize, bytes.size()));
  }
  const FieldReader reader(bytes);
  return SevMeasurement{.measure = reader.Array<32>(0), .nonce = reader.Array<16>(32)};
}

Sha256Digest ComputeSevMeasure(const SevMeasureInput& input, const SevKey& nonce,
                               const SevKey& tik) {
  std::vector<uint8_t> covered = {kMeasureContext, input.api_major, input.api_minor, input.build};
  Append(covered, input.policy);
  Append(covered, input.launch_digest);
  Append(covered, nonce);
  return HmacSha256(tik, covered);
}

bool MeasurementHolds(const SevMeasurement& measurement, const SevMeasureInput& input,
                      const SevKey& tik) {
  return EqualInConstantTime(ComputeSevMeasure(input, measurement.nonce, tik), measurement.measure);
}

Result<SevSecretPacket> BuildSevSecretPacket(std::span<const uint8_t> secret,
                                             const SevTransportKeys& keys, const SevKey& iv,
                                             const Sha256Digest& measure) {
  SEALVM_TRY(CheckSecretSize(secret.size(), "launch secret"));
  constexpr uint32_t kNotCompressed = 0;
  SevSecretPacket packet;
  packet.data = SEALVM_TRY(AesCtr128(keys.tek, iv, secret));
  FieldWriter writer(packet.header);
  writer.Put(secret_header::kFlags, kNotCompressed);
  writer.Copy(secret_header::kIv, iv);
  writer.Copy(secret_header::kMac, SecretMac(kNotCompressed, iv, packet.data, measure, keys.tik));
  return packet;
}

Result<std::vector<uint8_t>> OpenSevSecretPacket(std::span<const uint8_t> header,
                                                 std::span<const uint8_t> data,
                                                 const SevTransportKeys& keys,
                                                 const Sha256Digest& measure,
                                                 std::string_view name) {
  if (header.size() != kSevSecretHeaderSize) {
    return InvalidInput(fmt::format("{}: a packet header has {} bytes, this has {}", name,
                                    kSevSecretHeaderSize, header.size()));
  }
  SEALVM_TRY(CheckSecretSize(data.size(), name));
  const FieldReader reader(header);
  const SevKey iv = reader.Array<16>(secret_header::kIv);
  const Sha256Digest mac =
      SecretMac(reader.U32(secret_header::kFlags), iv, data, measure, keys.tik);
  if (!EqualInConstantTime(mac, header.subspan(secret_header::kMac, mac.size()))) {
    return InvalidInput(fmt::format("{}: the packet's HMAC does not hold", name),
                        "it was made for another launch or with another TIK");
  }
  return AesCtr128(keys.tek, iv, data);
}

}  // namespace sealvm::attestation
