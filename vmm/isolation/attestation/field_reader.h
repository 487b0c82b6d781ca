// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_FIELD_READER_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_FIELD_READER_H_

#include <stddef.h>
#include <stdint.h>

#include <algorithm>
#include <array>
#include <span>

#include "memory/base/endian.h"

namespace sealvm::attestation {

// Fields at fixed offsets of a structure whose size was checked: what lies outside reads as zero.
class FieldReader {
 public:
  explicit FieldReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint8_t U8(size_t offset) const { return LoadLe<uint8_t>(bytes_, offset).value_or(0); }
  uint16_t U16(size_t offset) const { return LoadLe<uint16_t>(bytes_, offset).value_or(0); }
  uint32_t U32(size_t offset) const { return LoadLe<uint32_t>(bytes_, offset).value_or(0); }
  uint64_t U64(size_t offset) const { return LoadLe<uint64_t>(bytes_, offset).value_or(0); }

  template <size_t kSize>
  std::array<uint8_t, kSize> Array(size_t offset) const {
    std::array<uint8_t, kSize> out = {};
    if (offset <= bytes_.size() && bytes_.size() - offset >= kSize) {
      std::ranges::copy(bytes_.subspan(offset, kSize), out.begin());
    }
    return out;
  }

 private:
  std::span<const uint8_t> bytes_;
};

// The same for writing: fields outside are dropped.
class FieldWriter {
 public:
  explicit FieldWriter(std::span<uint8_t> bytes) : bytes_(bytes) {}

  template <typename T>
  void Put(size_t offset, T value) {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return;
    StoreLeAny(bytes_.subspan(offset, sizeof(T)), value);
  }

  void Copy(size_t offset, std::span<const uint8_t> from) {
    if (offset > bytes_.size() || bytes_.size() - offset < from.size()) return;
    std::ranges::copy(from, bytes_.begin() + static_cast<ptrdiff_t>(offset));
  }

 private:
  std::span<uint8_t> bytes_;
};

inline bool IsZero(std::span<const uint8_t> bytes) {
  return std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; });
}

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_FIELD_READER_H_
