// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_ECDSA_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_ECDSA_H_

#include <stdint.h>

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"

struct evp_pkey_st;

namespace sealvm::attestation {

enum class EcCurve { kP256, kP384 };

// Bytes of a coordinate or of one half of a signature: 32 or 48.
size_t CoordinateSize(EcCurve curve);

// A point, perhaps: whether it lies on the curve is seen when it is used. Big-endian, each of
// CoordinateSize bytes.
struct EcPublicKey {
  EcCurve curve = EcCurve::kP384;
  std::vector<uint8_t> x;
  std::vector<uint8_t> y;

  bool operator==(const EcPublicKey&) const = default;
};

// Big-endian, each of CoordinateSize bytes.
struct EcdsaSignature {
  std::vector<uint8_t> r;
  std::vector<uint8_t> s;
};

// Whether `signature` over `digest` was made with the private half of `key`. False for keys and
// signatures that are none.
bool VerifyEcdsa(const EcPublicKey& key, std::span<const uint8_t> digest,
                 const EcdsaSignature& signature);

// kInvalidInput when `key` is not of P-256 or P-384; `name` begins the message.
Result<EcPublicKey> EcPublicKeyOf(evp_pkey_st* key, std::string_view name);

// A private key for ECDSA with P-384, which is what SNP takes (SEV-SNP ABI, chapter 10). Cheap to
// copy.
class EcdsaPrivateKey {
 public:
  // PEM, PKCS #8 or SEC 1, without a passphrase. `name` stands for the file in errors, which are
  // kInvalidInput.
  static Result<EcdsaPrivateKey> FromPem(std::span<const uint8_t> pem, std::string_view name);

  const EcPublicKey& public_key() const { return public_key_; }
  Result<EcdsaSignature> Sign(std::span<const uint8_t> digest) const;

 private:
  EcdsaPrivateKey(std::shared_ptr<evp_pkey_st> key, EcPublicKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}

  std::shared_ptr<evp_pkey_st> key_;
  EcPublicKey public_key_;
};

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_ECDSA_H_
