// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CRYPTO_DIGEST_H_
#define SEALVM_VMM_CRYPTO_DIGEST_H_

#include <openssl/sha.h>
#include <stdint.h>

#include <array>
#include <span>
#include <string>

namespace sealvm {

// FIPS 180-4 digests by libcrypto's assembly, which takes the CPU's SHA instructions where it has
// them. Nothing here can fail.
using Sha256Digest = std::array<uint8_t, 32>;
using Sha384Digest = std::array<uint8_t, 48>;

Sha256Digest Sha256Of(std::span<const uint8_t> bytes);
Sha384Digest Sha384Of(std::span<const uint8_t> bytes);

// A digest of bytes that come in pieces. Copying forks it; Finish ends it: the object is then only
// good for destruction or assignment.
class Sha256Stream {
 public:
  Sha256Stream();
  void Update(std::span<const uint8_t> bytes);
  Sha256Digest Finish();

 private:
  SHA256_CTX context_;
};

class Sha384Stream {
 public:
  Sha384Stream();
  void Update(std::span<const uint8_t> bytes);
  Sha384Digest Finish();

 private:
  SHA512_CTX context_;
};

// Lower-case hexadecimal digits, two a byte.
std::string HexText(std::span<const uint8_t> bytes);

}  // namespace sealvm

#endif  // SEALVM_VMM_CRYPTO_DIGEST_H_
