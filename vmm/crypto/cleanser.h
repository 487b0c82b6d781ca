// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CRYPTO_CLEANSER_H_
#define SEALVM_VMM_CRYPTO_CLEANSER_H_

#include <openssl/crypto.h>
#include <stdint.h>

#include <span>

namespace sealvm {

// Overwrites bytes at the end of a scope, so that keys and secrets do not stay in freed memory.
// They must still be there, and not have moved.
class Cleanser {
 public:
  explicit Cleanser(std::span<uint8_t> bytes) : bytes_(bytes) {}
  ~Cleanser() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  Cleanser(const Cleanser&) = delete;
  Cleanser& operator=(const Cleanser&) = delete;

 private:
  std::span<uint8_t> bytes_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CRYPTO_CLEANSER_H_
