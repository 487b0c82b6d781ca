// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_SEV_SESSION_MODEL_H_
#define SEALVM_TESTS_MODEL_SEV_SESSION_MODEL_H_

#include <stdint.h>

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "tests/model/vm_model.h"

namespace sealvm::model {

// The firmware's half of what a guest's owner and it know together (AMD SEV API 0.24, section 2.2).

// Of a PDH certificate and of LAUNCH_START's session data (appendix C; section 6.2).
inline constexpr size_t kDhCertificateSize = 0x824;
inline constexpr size_t kSessionSize = 128;
// LAUNCH_SECRET's packet header (section 6.6): flags, IV, HMAC.
inline constexpr size_t kSecretHeaderSize = 52;

using SevModelKey = std::array<uint8_t, 16>;

struct SevModelKeys {
  SevModelKey tek = {};
  SevModelKey tik = {};
};

// Stands for the X coordinate that the platform's PDH and the owner's certificate make: every byte
// of the certificate counts.
Sha384 SharedSecret(std::span<const uint8_t> dh_certificate);

// What the session data wraps; nothing where an HMAC does not hold, of the keys or of the policy.
std::optional<SevModelKeys> UnwrapSession(std::span<const uint8_t> session,
                                          std::span<const uint8_t> dh_certificate, uint32_t policy);

Sha256 HmacSha256(std::span<const uint8_t> key, std::span<const uint8_t> bytes);

// The plain text of a secret; nothing where the HMAC does not hold. `measure` is that of
// LAUNCH_MEASURE.
std::optional<std::vector<uint8_t>> OpenSecret(std::span<const uint8_t> header,
                                               std::span<const uint8_t> packet,
                                               const SevModelKeys& keys, const Sha256& measure);

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_SEV_SESSION_MODEL_H_
