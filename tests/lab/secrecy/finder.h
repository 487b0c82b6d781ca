// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_LAB_SECRECY_FINDER_H_
#define SEALVM_TESTS_LAB_SECRECY_FINDER_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <bitset>
#include <span>

#include "tests/lab/secrecy/secret.h"

namespace sealvm::secrecy {

// What a piece of memory holds. Hits are aligned 8-byte words that are 8 consecutive bytes of a
// secret, so a piece of 15 bytes is found wherever it begins.
struct Findings {
  std::array<uint64_t, kPlaceCount> hits{};
  bool all_zero = true;
};

// Hits that all copies of a place give at the least.
constexpr uint64_t ExpectedHits(size_t place) {
  return kPlaces[place].copies * (kSecretSize / sizeof(uint64_t) - 1);
}

// Looks for the secrets, and is itself no place where they could be found: it keeps them only under
// a mask. Immutable, thread-safe.
class Finder {
 public:
  Finder();

  // `memory` begins at an address that is a multiple of 8 where it came from.
  Findings Search(std::span<const uint8_t> memory) const;

 private:
  struct Window {
    uint64_t masked;
    size_t place;
  };
  void Look(uint64_t masked, Findings& findings) const;

  std::array<Window, kPlaceCount * kSecretSize> windows_{};
  std::bitset<1 << 16> low_bits_;  // of all windows; spares the search of most words
};

}  // namespace sealvm::secrecy

#endif  // SEALVM_TESTS_LAB_SECRECY_FINDER_H_
