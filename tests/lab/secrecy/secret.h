// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_LAB_SECRECY_SECRET_H_
#define SEALVM_TESTS_LAB_SECRECY_SECRET_H_

#include <stddef.h>
#include <stdint.h>

#include <array>

namespace sealvm::secrecy {

// Bytes that exist nowhere but in the guest: both sides compute them, a byte at a time.
inline constexpr size_t kSecretSize = 32;

// Where in the guest a secret lies, and how often; `name` stands in the scanners' output.
struct Place {
  const char* name;
  size_t copies;
};

enum PlaceIndex : size_t { kHeap, kFile, kKey, kSocket, kPlaceCount };

inline constexpr std::array<Place, kPlaceCount> kPlaces = {{
    {"heap", 4 * 1024 * 1024 / kSecretSize},
    {"file", 2 * 1024 * 1024 / kSecretSize},
    {"key", 64},
    {"socket", 64 * 1024 / kSecretSize},
}};

// Byte `index` (counted from 0, modulo kSecretSize) of a place's secret.
uint8_t SecretByte(size_t place, size_t index);

}  // namespace sealvm::secrecy

#endif  // SEALVM_TESTS_LAB_SECRECY_SECRET_H_
