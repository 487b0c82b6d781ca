// SPDX-License-Identifier: Apache-2.0
// The digests by name (EVP) bring OpenSSL's providers in: time and memory at every start, and the
// same assembly behind them.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "vmm/crypto/digest.h"

#include <string_view>

namespace sealvm {

Sha256Digest Sha256Of(std::span<const uint8_t> bytes) {
  Sha256Stream stream;
  stream.Update(bytes);
  return stream.Finish();
}

Sha384Digest Sha384Of(std::span<const uint8_t> bytes) {
  Sha384Stream stream;
  stream.Update(bytes);
  return stream.Finish();
}

Sha256Stream::Sha256Stream() { SHA256_Init(&context_); }

void Sha256Stream::Update(std::span<const uint8_t> bytes) {
  SHA256_Update(&context_, bytes.data(), bytes.size());
}

Sha256Digest Sha256Stream::Finish() {
  Sha256Digest digest;
  SHA256_Final(digest.data(), &context_);
  return digest;
}

Sha384Stream::Sha384Stream() { SHA384_Init(&context_); }

void Sha384Stream::Update(std::span<const uint8_t> bytes) {
  SHA384_Update(&context_, bytes.data(), bytes.size());
}

Sha384Digest Sha384Stream::Finish() {
  Sha384Digest digest;
  SHA384_Final(digest.data(), &context_);
  return digest;
}

std::string HexText(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0xf]);
  }
  return text;
}

}  // namespace sealvm
