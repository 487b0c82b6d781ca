// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_BASE_ENDIAN_H_
#define SEALVM_MEMORY_BASE_ENDIAN_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <span>
#include <type_traits>

namespace sealvm {

// Little-endian loads and stores for file formats, tables and bus accesses. x86 hosts only, yet the
// byte loop keeps the meaning in the code; compilers turn it into one move.

// Reads sizeof(T) bytes at `offset`; nullopt when they do not lie inside `bytes`.
template <typename T>
std::optional<T> LoadLe(std::span<const uint8_t> bytes, size_t offset = 0) {
  static_assert(std::is_unsigned_v<T>);
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(bytes[offset + i]) << (8 * i)));
  }
  return value;
}

// Reads up to eight bytes as one number: the value of a bus access of that width.
inline uint64_t LoadLeAny(std::span<const uint8_t> bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < sizeof(value); ++i) {
    value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  }
  return value;
}

// Writes `value` into all of `bytes`, little-endian; bytes past the eighth become zero.
inline void StoreLeAny(std::span<uint8_t> bytes, uint64_t value) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = i < sizeof(value) ? static_cast<uint8_t>(value >> (8 * i)) : 0;
  }
}

}  // namespace sealvm

#endif  // SEALVM_MEMORY_BASE_ENDIAN_H_
