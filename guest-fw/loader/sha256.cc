// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/sha256.h"

#include <string.h>

#include <algorithm>
#include <bit>

// FIPS 180-4 section 4.2.2. Also used by sha256_ni.S.
extern "C" {
[[gnu::visibility("hidden")]] extern const uint32_t kSealvmSha256Constants[64];
alignas(16) const uint32_t kSealvmSha256Constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
}

namespace sealvm::loader {
namespace {

using std::rotr;

// The names are those of FIPS 180-4 section 4.1.2.
inline uint32_t Choose(uint32_t x, uint32_t y, uint32_t z) { return z ^ (x & (y ^ z)); }
inline uint32_t Majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | (z & (x | y)); }
inline uint32_t BigSigma0(uint32_t x) { return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22); }
inline uint32_t BigSigma1(uint32_t x) { return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25); }
inline uint32_t SmallSigma0(uint32_t x) { return rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3); }
inline uint32_t SmallSigma1(uint32_t x) { return rotr(x, 17) ^ rotr(x, 19) ^ (x >> 10); }

inline uint32_t LoadWord(const uint8_t* data) {
  uint32_t word;
  memcpy(&word, data, sizeof(word));
  return __builtin_bswap32(word);
}

// One round with the working variables in place: the caller rotates their names instead.
[[gnu::always_inline]] inline void Round(uint32_t a, uint32_t b, uint32_t c, uint32_t& d,
                                         uint32_t e, uint32_t f, uint32_t g, uint32_t& h,
                                         uint32_t input) {
  h += BigSigma1(e) + Choose(e, f, g) + input;
  d += h;
  h += BigSigma0(a) + Majority(a, b, c);
}

// The message schedule in a ring of sixteen words: W[t] takes the place of W[t - 16].
[[gnu::always_inline]] inline uint32_t Schedule(uint32_t* w, int t) {
  return w[t & 15] +=
         SmallSigma1(w[(t + 14) & 15]) + w[(t + 9) & 15] + SmallSigma0(w[(t + 1) & 15]);
}

// Inlined by force, so that the working variables stay in registers.
template <typename Word>
[[gnu::always_inline]] inline void EightRounds(uint32_t (&v)[8], const uint32_t* k, Word word) {
  Round(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], k[0] + word(0));
  Round(v[7], v[0], v[1], v[2], v[3], v[4], v[5], v[6], k[1] + word(1));
  Round(v[6], v[7], v[0], v[1], v[2], v[3], v[4], v[5], k[2] + word(2));
  Round(v[5], v[6], v[7], v[0], v[1], v[2], v[3], v[4], k[3] + word(3));
  Round(v[4], v[5], v[6], v[7], v[0], v[1], v[2], v[3], k[4] + word(4));
  Round(v[3], v[4], v[5], v[6], v[7], v[0], v[1], v[2], k[5] + word(5));
  Round(v[2], v[3], v[4], v[5], v[6], v[7], v[0], v[1], k[6] + word(6));
  Round(v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[0], k[7] + word(7));
}

void Block(uint32_t* state, const uint8_t* data) {
  uint32_t w[16];
  uint32_t v[8];
  memcpy(v, state, sizeof(v));
  for (int t = 0; t < 16; ++t) {
    w[t] = LoadWord(data + 4 * t);
  }
  EightRounds(v, kSealvmSha256Constants, [&](int i) { return w[i]; });
  EightRounds(v, kSealvmSha256Constants + 8, [&](int i) { return w[8 + i]; });
  for (int t = 16; t < 64; t += 16) {
    EightRounds(v, kSealvmSha256Constants + t, [&](int i) { return Schedule(w, i); });
    EightRounds(v, kSealvmSha256Constants + t + 8, [&](int i) { return Schedule(w, 8 + i); });
  }
  for (int i = 0; i < 8; ++i) {
    state[i] += v[i];
  }
}

}  // namespace

void Sha256::Blocks(const uint8_t* data, size_t count) {
  if (engine_ == Sha256Engine::kShaNi) {
    SealvmSha256BlocksShaNi(state_, data, count);
  } else {
    SealvmSha256BlocksScalar(state_, data, count);
  }
}

void Sha256::Update(const uint8_t* data, size_t size) {
  length_ += size;
  if (buffered_ != 0) {
    const size_t taken = std::min(size, kBlockSize - buffered_);
    memcpy(buffer_ + buffered_, data, taken);
    buffered_ += taken;
    data += taken;
    size -= taken;
    if (buffered_ < kBlockSize) {
      return;
    }
    Blocks(buffer_, 1);
    buffered_ = 0;
  }
  Blocks(data, size / kBlockSize);
  buffered_ = size % kBlockSize;
  memcpy(buffer_, data + (size - buffered_), buffered_);
}

Sha256Digest Sha256::Finish() {
  const uint64_t bits = length_ * 8;
  buffer_[buffered_++] = 0x80;
  if (buffered_ > kBlockSize - sizeof(bits)) {
    memset(buffer_ + buffered_, 0, kBlockSize - buffered_);
    Blocks(buffer_, 1);
    buffered_ = 0;
  }
  memset(buffer_ + buffered_, 0, kBlockSize - sizeof(bits) - buffered_);
  const uint64_t big_endian = __builtin_bswap64(bits);
  memcpy(buffer_ + kBlockSize - sizeof(bits), &big_endian, sizeof(bits));
  Blocks(buffer_, 1);
  Sha256Digest digest;
  for (size_t i = 0; i < 8; ++i) {
    const uint32_t word = __builtin_bswap32(state_[i]);
    memcpy(digest.data() + 4 * i, &word, sizeof(word));
  }
  return digest;
}

}  // namespace sealvm::loader

void SealvmSha256BlocksScalar(uint32_t* state, const uint8_t* data, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    sealvm::loader::Block(state, data + i * sealvm::loader::Sha256::kBlockSize);
  }
}
