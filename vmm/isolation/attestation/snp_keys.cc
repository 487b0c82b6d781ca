// SPDX-License-Identifier: Apache-2.0
// Keys and signatures in the form of the SNP firmware: SEV-SNP Firmware ABI 1.58, chapter 10.
#include <fmt/format.h>

#include <algorithm>

#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/snp_id_block.h"

namespace sealvm::attestation {
namespace {

// A coordinate or half a signature: 48 bytes used, 24 zero.
constexpr size_t kHalf = 72;
constexpr size_t kUsed = 48;
constexpr size_t kKeyX = 4;
constexpr size_t kKeyY = kKeyX + kHalf;
constexpr uint32_t kCurveP384 = 2;

void PutReversed(std::span<uint8_t> out, std::span<const uint8_t> big_endian) {
  std::ranges::reverse_copy(big_endian.first(std::min(big_endian.size(), out.size())), out.begin());
}

Result<std::vector<uint8_t>> TakeReversed(std::span<const uint8_t> half, std::string_view name) {
  if (!IsZero(half.subspan(kUsed))) {
    return InvalidInput(fmt::format("{}: a number has more than 384 bits", name));
  }
  std::vector<uint8_t> out(kUsed);
  std::ranges::reverse_copy(half.first(kUsed), out.begin());
  return out;
}

}  // namespace

std::array<uint8_t, kSnpSignatureSize> EncodeSnpSignature(const EcdsaSignature& signature) {
  std::array<uint8_t, kSnpSignatureSize> out = {};
  PutReversed(std::span(out).first(kHalf), signature.r);
  PutReversed(std::span(out).subspan(kHalf, kHalf), signature.s);
  return out;
}

Result<EcdsaSignature> ParseSnpSignature(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() != kSnpSignatureSize) {
    return InvalidInput(
        fmt::format("{}: a signature of {} bytes, not {}", name, bytes.size(), kSnpSignatureSize));
  }
  EcdsaSignature signature;
  signature.r = SEALVM_TRY(TakeReversed(bytes.first(kHalf), name));
  signature.s = SEALVM_TRY(TakeReversed(bytes.subspan(kHalf, kHalf), name));
  return signature;
}

std::array<uint8_t, kSnpPublicKeySize> EncodeSnpPublicKey(const EcPublicKey& key) {
  std::array<uint8_t, kSnpPublicKeySize> out = {};
  FieldWriter(out).Put(0, kCurveP384);
  PutReversed(std::span(out).subspan(kKeyX, kHalf), key.x);
  PutReversed(std::span(out).subspan(kKeyY, kHalf), key.y);
  return out;
}

Result<EcPublicKey> ParseSnpPublicKey(std::span<const uint8_t> bytes, std::string_view name) {
  if (bytes.size() != kSnpPublicKeySize) {
    return InvalidInput(
        fmt::format("{}: a public key of {} bytes, not {}", name, bytes.size(), kSnpPublicKeySize));
  }
  const uint32_t curve = FieldReader(bytes).U32(0);
  if (curve != kCurveP384) {
    return InvalidInput(fmt::format("{}: the key is of curve {}, not P-384 (2)", name, curve));
  }
  EcPublicKey key = {.curve = EcCurve::kP384, .x = {}, .y = {}};
  key.x = SEALVM_TRY(TakeReversed(bytes.subspan(kKeyX, kHalf), name));
  key.y = SEALVM_TRY(TakeReversed(bytes.subspan(kKeyY, kHalf), name));
  return key;
}

}  // namespace sealvm::attestation
