// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_blob.h"

#include <fmt/format.h>

#include <optional>

namespace sealvm::attestation {
namespace {

std::optional<uint32_t> Base64Value(uint8_t digit) {
  if (digit >= 'A' && digit <= 'Z') return digit - 'A';
  if (digit >= 'a' && digit <= 'z') return digit - 'a' + 26;
  if (digit >= '0' && digit <= '9') return digit - '0' + 52;
  if (digit == '+') return 62;
  if (digit == '/') return 63;
  return std::nullopt;
}

bool IsSpace(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

// Nothing for what is no base64.
std::optional<std::vector<uint8_t>> DecodeBase64(std::span<const uint8_t> text) {
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  size_t digits = 0, padding = 0;
  for (const uint8_t digit : text) {
    if (IsSpace(digit)) continue;
    if (digit == '=') {
      ++padding;
      continue;
    }
    const std::optional<uint32_t> value = Base64Value(digit);
    if (!value || padding != 0) return std::nullopt;
    bits = bits << 6 | *value;
    // The second to fourth of four digits each complete a byte, with 4, 2 and 0 bits to spare.
    const size_t place = ++digits % 4;
    if (place != 1) bytes.push_back(static_cast<uint8_t>(bits >> (4 - place) % 4 * 2));
  }
  const bool whole = (digits + padding) % 4 == 0 && padding <= 2;
  return whole ? std::optional(std::move(bytes)) : std::nullopt;
}

}  // namespace

Result<std::vector<uint8_t>> DecodeSevBlob(std::span<const uint8_t> file, size_t size,
                                           std::string_view name) {
  if (file.size() == size) return std::vector<uint8_t>(file.begin(), file.end());
  std::optional<std::vector<uint8_t>> bytes;
  if (file.size() <= MaxSevBlobFile(size)) bytes = DecodeBase64(file);
  if (bytes && bytes->size() == size) return *std::move(bytes);
  return InvalidInput(fmt::format("{}: has {} bytes, which are neither {} nor base64 of so many",
                                  name, file.size(), size),
                      "`sevctl session` writes such files");
}

}  // namespace sealvm::attestation
