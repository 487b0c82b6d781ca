// SPDX-License-Identifier: Apache-2.0
#include "tests/model/sev_session_model.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace sealvm::model {
namespace {

using Bytes = std::vector<uint8_t>;

void Append(Bytes& out, std::span<const uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

void Append32(Bytes& out, uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8)
    out.push_back(static_cast<uint8_t>(value >> shift));
}

// Section 2.2.5.
SevModelKey Derive(std::span<const uint8_t> key, std::string_view label,
                   std::span<const uint8_t> context) {
  Bytes text;
  Append32(text, 1);
  text.insert(text.end(), label.begin(), label.end());
  text.push_back(0);
  Append(text, context);
  Append32(text, 128);
  const Sha256 mac = HmacSha256(key, text);
  SevModelKey derived;
  std::ranges::copy(std::span(mac).first(derived.size()), derived.begin());
  return derived;
}

Bytes Decipher(const SevModelKey& key, std::span<const uint8_t> iv,
               std::span<const uint8_t> bytes) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(
      EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  EVP_DecryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, key.data(), iv.data());
  Bytes plain(bytes.size());
  int size = 0;
  EVP_DecryptUpdate(context.get(), plain.data(), &size, bytes.data(),
                    static_cast<int>(bytes.size()));
  return plain;
}

}  // namespace

Sha384 SharedSecret(std::span<const uint8_t> dh_certificate) {
  Sha384 secret;
  SHA384(dh_certificate.data(), dh_certificate.size(), secret.data());
  return secret;
}

Sha256 HmacSha256(std::span<const uint8_t> key, std::span<const uint8_t> bytes) {
  Sha256 mac;
  unsigned size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(),
       mac.data(), &size);
  return mac;
}

// Section 6.2: nonce, wrapped TEK and TIK, IV, HMAC of the wrapped keys, HMAC of the policy.
std::optional<SevModelKeys> UnwrapSession(std::span<const uint8_t> session,
                                          std::span<const uint8_t> dh_certificate,
                                          uint32_t policy) {
  const SevModelKey master =
      Derive(SharedSecret(dh_certificate), "sev-master-secret", session.first(16));
  const std::span<const uint8_t> wrapped = session.subspan(16, 32);
  const Sha256 wrap_mac = HmacSha256(Derive(master, "sev-kik", {}), wrapped);
  if (!std::ranges::equal(wrap_mac, session.subspan(64, 32))) return std::nullopt;
  const Bytes plain = Decipher(Derive(master, "sev-kek", {}), session.subspan(48, 16), wrapped);
  SevModelKeys keys;
  std::copy_n(plain.begin(), 16, keys.tek.begin());
  std::copy_n(plain.begin() + 16, 16, keys.tik.begin());
  Bytes policy_bytes;
  Append32(policy_bytes, policy);
  const Sha256 policy_mac = HmacSha256(keys.tik, policy_bytes);
  if (!std::ranges::equal(policy_mac, session.subspan(96, 32))) return std::nullopt;
  return keys;
}

// Section 6.6.1: the HMAC covers 0x01, flags, IV, both lengths, the packet and the measurement.
std::optional<std::vector<uint8_t>> OpenSecret(std::span<const uint8_t> header,
                                               std::span<const uint8_t> packet,
                                               const SevModelKeys& keys, const Sha256& measure) {
  Bytes text = {0x01};
  Append(text, header.first(20));
  Append32(text, static_cast<uint32_t>(packet.size()));
  Append32(text, static_cast<uint32_t>(packet.size()));
  Append(text, packet);
  Append(text, measure);
  if (!std::ranges::equal(HmacSha256(keys.tik, text), header.subspan(20, 32))) return std::nullopt;
  return Decipher(keys.tek, header.subspan(4, 16), packet);
}

}  // namespace sealvm::model
