// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SEV_SESSION_CRYPTO_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SEV_SESSION_CRYPTO_H_

#include <stdint.h>

#include <array>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "vmm/crypto/digest.h"

namespace sealvm::attestation {

// What SEV's launch session and secrets are protected with.

// RFC 2104 with SHA-256.
Sha256Digest HmacSha256(std::span<const uint8_t> key, std::span<const uint8_t> bytes);

// AES-128 in counter mode (NIST SP 800-38A, 6.5); enciphers and deciphers alike.
Result<std::vector<uint8_t>> AesCtr128(std::span<const uint8_t, 16> key,
                                       std::span<const uint8_t, 16> initial_counter,
                                       std::span<const uint8_t> bytes);

// For an initial counter, which must not be used twice with a key.
Result<std::array<uint8_t, 16>> RandomIv();

// Compares without telling by its time where they differ: for MACs.
bool EqualInConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SEV_SESSION_CRYPTO_H_
