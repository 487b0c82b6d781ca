// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_blob.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <iterator>
#include <optional>

#include "vmm/crypto/cleanser.h"

namespace sealvm::attestation {
namespace {

bool IsSpace(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

// Nothing for what is no base64.
std::optional<std::vector<uint8_t>> DecodeBase64(std::span<const uint8_t> text) {
  std::vector<uint8_t> digits;
  // Once: what is moved would stay in freed memory, and it may be a key.
  digits.reserve(text.size());
  std::ranges::copy_if(text, std::back_inserter(digits), [](uint8_t c) { return !IsSpace(c); });
  const Cleanser cleanse_digits(digits);
  const auto padding = std::ranges::find(digits, '=');
  const auto padded = static_cast<size_t>(digits.end() - padding);
  // libcrypto takes padding for zeros wherever it is, and a minus sign for the end.
  const bool is_plain = std::ranges::find(digits, '-') == digits.end() &&
                        std::all_of(padding, digits.end(), [](uint8_t c) { return c == '='; });
  if (!is_plain || padded > 2 || digits.size() % 4 != 0) return std::nullopt;
  std::vector<uint8_t> bytes(digits.size() / 4 * 3);
  if (EVP_DecodeBlock(bytes.data(), digits.data(), static_cast<int>(digits.size())) < 0) {
    return std::nullopt;
  }
  bytes.resize(bytes.size() - padded);
  return bytes;
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
