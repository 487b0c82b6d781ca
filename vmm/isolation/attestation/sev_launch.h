// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SEV_LAUNCH_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SEV_LAUNCH_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/crypto/digest.h"

namespace sealvm::attestation {

// What a guest owner and the SEV firmware tell each other about the launch of a SEV or SEV-ES guest
// (AMD Secure Encrypted Virtualization API 0.24).
using SevKey = std::array<uint8_t, 16>;

// The owner's two secrets for one launch (section 2.2.2): TEK enciphers, TIK authenticates.
struct SevTransportKeys {
  SevKey tek = {};
  SevKey tik = {};
};

// KDF of section 2.2.5 (NIST SP 800-108, counter mode, HMAC-SHA256, 128 bits out).
SevKey DeriveSevKey(std::span<const uint8_t> key, std::string_view label,
                    std::span<const uint8_t> context);

// LAUNCH_START's session data (section 6.2, table "LAUNCH_START Session Data Buffer").
inline constexpr size_t kSevSessionSize = 128;
// Wraps the keys for a platform. `shared_secret`: the X coordinate, big-endian, of the
// Diffie-Hellman point of the owner's key and the platform's PDH. `nonce` and `iv` are random.
Result<std::array<uint8_t, kSevSessionSize>> BuildSevSession(const SevTransportKeys& keys,
                                                             uint32_t policy,
                                                             std::span<const uint8_t> shared_secret,
                                                             const SevKey& nonce, const SevKey& iv);

// What LAUNCH_MEASURE's HMAC covers (section 6.5.1).
struct SevMeasureInput {
  uint8_t api_major = 0;
  uint8_t api_minor = 0;
  uint8_t build = 0;
  uint32_t policy = 0;
  Sha256Digest launch_digest = {};
};

// LAUNCH_MEASURE's answer: 32 bytes of HMAC, 16 of nonce.
inline constexpr size_t kSevMeasurementSize = 48;
struct SevMeasurement {
  Sha256Digest measure = {};
  SevKey nonce = {};
};
// kInvalidInput for another size; `name` begins the message.
Result<SevMeasurement> ParseSevMeasurement(std::span<const uint8_t> bytes, std::string_view name);

Sha256Digest ComputeSevMeasure(const SevMeasureInput& input, const SevKey& nonce,
                               const SevKey& tik);
// In constant time. The HMAC that would hold is not to be told: a host that learns it can put it
// under a launch of its own.
bool MeasurementHolds(const SevMeasurement& measurement, const SevMeasureInput& input,
                      const SevKey& tik);

// LAUNCH_SECRET (section 6.6): a header and a packet of as many bytes as the secret.
inline constexpr size_t kSevSecretHeaderSize = 52;
inline constexpr size_t kMaxSevSecretSize = 16 * 1024;
struct SevSecretPacket {
  std::array<uint8_t, kSevSecretHeaderSize> header = {};
  std::vector<uint8_t> data;
};
// `secret` is a multiple of 16 bytes and no more than kMaxSevSecretSize. `measure`: the HMAC of
// LAUNCH_MEASURE, which binds the packet to this launch. `iv` must never be used twice with a TEK.
Result<SevSecretPacket> BuildSevSecretPacket(std::span<const uint8_t> secret,
                                             const SevTransportKeys& keys, const SevKey& iv,
                                             const Sha256Digest& measure);
// What the firmware does with it: kInvalidInput when sizes or the HMAC do not fit.
Result<std::vector<uint8_t>> OpenSevSecretPacket(std::span<const uint8_t> header,
                                                 std::span<const uint8_t> data,
                                                 const SevTransportKeys& keys,
                                                 const Sha256Digest& measure,
                                                 std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SEV_LAUNCH_H_
