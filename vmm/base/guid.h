// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BASE_GUID_H_
#define SEALVM_VMM_BASE_GUID_H_

#include <stddef.h>
#include <stdint.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>

namespace sealvm {

// An EFI_GUID as it lies in memory: the first three groups of its text are little-endian numbers,
// the rest are bytes in order (UEFI specification 2.10, appendix A).
struct Guid {
  std::array<uint8_t, 16> bytes = {};

  // For constants: "96b582de-1fb2-45f7-baea-a366c55a082d". Anything else does not compile.
  static consteval Guid Of(std::string_view text) {
    Guid guid;
    size_t position = 0;
    for (size_t i = 0; i < kTextOrder.size(); ++i) {
      if (i == 4 || i == 6 || i == 8 || i == 10) {
        if (text.at(position++) != '-') throw "a dash is missing";
      }
      const int high = HexValue(text.at(position));
      const int low = HexValue(text.at(position + 1));
      guid.bytes[kTextOrder[i]] = static_cast<uint8_t>(high << 4 | low);
      position += 2;
    }
    if (position != text.size()) throw "too long";
    return guid;
  }

  // The first 16 of `bytes`, which has as many.
  static Guid FromBytes(std::span<const uint8_t> bytes) {
    Guid guid;
    std::ranges::copy(bytes.first(guid.bytes.size()), guid.bytes.begin());
    return guid;
  }

  // The other order in use: bytes in the order of the text (RFC 9562, section 4), as AMD's tables
  // have them.
  static Guid FromTextOrder(std::span<const uint8_t, 16> bytes) {
    Guid guid;
    for (size_t i = 0; i < kTextOrder.size(); ++i) guid.bytes[kTextOrder[i]] = bytes[i];
    return guid;
  }
  std::array<uint8_t, 16> InTextOrder() const {
    std::array<uint8_t, 16> text = {};
    for (size_t i = 0; i < kTextOrder.size(); ++i) text[i] = bytes[kTextOrder[i]];
    return text;
  }

  // The text form, lower case.
  std::string ToString() const;

  friend bool operator==(const Guid&, const Guid&) = default;

 private:
  // Which byte the n-th pair of digits stands for.
  static constexpr std::array<uint8_t, 16> kTextOrder = {3, 2, 1,  0,  5,  4,  7,  6,
                                                         8, 9, 10, 11, 12, 13, 14, 15};

  static consteval int HexValue(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    throw "no lower-case hexadecimal digit";
  }
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BASE_GUID_H_
