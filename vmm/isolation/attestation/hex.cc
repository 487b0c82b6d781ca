// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/hex.h"

#include <fmt/format.h>

#include <charconv>

namespace sealvm::attestation {
namespace {

int DigitValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::vector<uint8_t>> ParseHex(std::string_view text, size_t size, std::string_view name,
                                      bool pad) {
  const size_t given = text.size() / 2;
  if (text.empty() || text.size() % 2 != 0 || (pad ? given > size : given != size)) {
    return InvalidInput(fmt::format("{}: {} hexadecimal digits are given", name, text.size()),
                        fmt::format("it takes {}{}", pad ? "up to " : "", size * 2));
  }
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < given; ++i) {
    const int high = DigitValue(text[2 * i]);
    const int low = DigitValue(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return InvalidInput(fmt::format("{}: '{}' is not hexadecimal", name, text.substr(2 * i, 2)));
    }
    bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return bytes;
}

Result<uint64_t> ParseNumber(std::string_view text, std::string_view name) {
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, hexadecimal ? 16 : 10);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return InvalidInput(fmt::format("{}: '{}' is no number of at most 64 bits", name, text),
                        "give it like 0x30000");
  }
  return value;
}

}  // namespace sealvm::attestation
