// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_session_crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <memory>

namespace sealvm::attestation {
namespace {

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// libcrypto counts in int.
constexpr size_t kMaxCipherBytes = 1 << 30;

}  // namespace

Sha256Digest HmacSha256(std::span<const uint8_t> key, std::span<const uint8_t> bytes) {
  Sha256Digest mac = {};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(),
       mac.data(), &size);
  return mac;
}

Result<std::vector<uint8_t>> AesCtr128(std::span<const uint8_t, 16> key,
                                       std::span<const uint8_t, 16> initial_counter,
                                       std::span<const uint8_t> bytes) {
  if (bytes.size() > kMaxCipherBytes) return InvalidInput("more than 1 GiB to encipher");
  const std::unique_ptr<EVP_CIPHER_CTX, FreeCipher> context(EVP_CIPHER_CTX_new());
  std::vector<uint8_t> out(bytes.size());
  int done = 0;
  if (!context ||
      EVP_EncryptInit_ex(context.get(), EVP_aes_128_ctr(), nullptr, key.data(),
                         initial_counter.data()) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &done, bytes.data(),
                        static_cast<int>(bytes.size())) != 1 ||
      static_cast<size_t>(done) != bytes.size()) {
    return HostError("libcrypto cannot encipher with AES-128-CTR");
  }
  return out;
}

Result<std::array<uint8_t, 16>> RandomIv() {
  std::array<uint8_t, 16> bytes = {};
  if (RAND_bytes(bytes.data(), bytes.size()) == 1) return bytes;
  return HostError("libcrypto has no random numbers");
}

bool EqualInConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sealvm::attestation
