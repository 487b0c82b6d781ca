// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/hex_text.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace sealvm {
namespace {

std::optional<uint8_t> Digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

Result<uint64_t> ParseHexNumber(std::string_view text, uint64_t most) {
  std::string_view digits = text;
  if (digits.starts_with("0x") || digits.starts_with("0X")) digits.remove_prefix(2);
  uint64_t value = 0;
  const auto [end, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (status == std::errc::invalid_argument || end != digits.data() + digits.size() ||
      !Digit(digits.front())) {
    return InvalidInput(fmt::format("'{}' is no hexadecimal number", text),
                        "give digits 0-9 and a-f, such as 0x30000");
  }
  if (status != std::errc() || value > most) {
    return InvalidInput(fmt::format("'{}' is out of range", text),
                        fmt::format("give a number up to {:#x}", most));
  }
  return value;
}

Result<> ParseHexBytes(std::string_view text, std::span<uint8_t> bytes) {
  if (text.size() != 2 * bytes.size()) {
    return InvalidInput(fmt::format("'{}' has {} digits", text, text.size()),
                        fmt::format("give {} hexadecimal digits", 2 * bytes.size()));
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto high = Digit(text[2 * i]);
    const auto low = Digit(text[2 * i + 1]);
    if (!high || !low) {
      return InvalidInput(fmt::format("'{}' has digits that are not hexadecimal", text),
                          fmt::format("give {} hexadecimal digits", 2 * bytes.size()));
    }
    bytes[i] = static_cast<uint8_t>(*high << 4 | *low);
  }
  return {};
}

}  // namespace sealvm
