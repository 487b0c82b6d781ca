// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/secrecy/secret.h"

namespace sealvm::secrecy {
namespace {

// Volatile, or the compiler could compute the secrets and put them into the program.
volatile uint64_t seed = 1;

}  // namespace

// SplitMix64's output function (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
// 2014) on a number that no other byte has.
uint8_t SecretByte(size_t place, size_t index) {
  uint64_t x = (seed << 32 | place << 16 | index % kSecretSize) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return static_cast<uint8_t>(x >> 56);
}

}  // namespace sealvm::secrecy
