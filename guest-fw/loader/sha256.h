// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_SHA256_H_
#define SEALVM_GUEST_FW_LOADER_SHA256_H_

#include <stddef.h>
#include <stdint.h>

#include <array>

namespace sealvm::loader {

using Sha256Digest = std::array<uint8_t, 32>;

// Which instructions compute the compression function.
enum class Sha256Engine {
  kScalar,
  kShaNi,  // SHA, SSSE3 and SSE; the caller has made sure that the CPU has them and they are
           // enabled
};

// SHA-256 of a message in pieces (FIPS 180-4 sections 5.1.1 and 6.2).
class Sha256 {
 public:
  static constexpr size_t kBlockSize = 64;

  explicit Sha256(Sha256Engine engine) : engine_(engine) {}

  void Update(const uint8_t* data, size_t size);
  // The digest of all that was given. The object is of no use afterwards.
  Sha256Digest Finish();

 private:
  void Blocks(const uint8_t* data, size_t count);

  Sha256Engine engine_;
  size_t buffered_ = 0;
  uint64_t length_ = 0;  // bytes
  alignas(16) uint32_t state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t buffer_[kBlockSize];
};

}  // namespace sealvm::loader

// The compression function on `count` blocks of 64 bytes at `data`, any alignment. `state` is the
// chaining value as eight numbers, 16-byte aligned.
extern "C" {
void SealvmSha256BlocksScalar(uint32_t* state, const uint8_t* data, size_t count);
void SealvmSha256BlocksShaNi(uint32_t* state, const uint8_t* data, size_t count);
// Leaves nothing of a message in the SSE registers.
void SealvmClearSseRegisters();
}

#endif  // SEALVM_GUEST_FW_LOADER_SHA256_H_
