// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/secret_table.h"

#include <fmt/format.h>

#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/sev_launch.h"

namespace sealvm::attestation {
namespace {

constexpr size_t kHeaderSize = 20;  // GUID, length; of the table and of each entry
constexpr size_t kLengthAt = 16;
constexpr size_t kAlignment = 16;

}  // namespace

Result<std::vector<uint8_t>> BuildSecretTable(std::span<const SecretEntry> entries,
                                              uint32_t area_size) {
  size_t size = kHeaderSize;
  for (const SecretEntry& entry : entries) {
    if (entry.secret.empty() || entry.secret.size() > kMaxSevSecretSize) {
      return InvalidInput(
          fmt::format("launch secret {}: {} bytes", entry.guid.ToString(), entry.secret.size()),
          fmt::format("a secret has 1 to {} bytes", kMaxSevSecretSize));
    }
    size += kHeaderSize + entry.secret.size();
  }
  const size_t padded = (size + kAlignment - 1) / kAlignment * kAlignment;
  if (padded > area_size || padded > kMaxSevSecretSize) {
    return InvalidInput(fmt::format("launch secrets: {} bytes, the firmware has room for {}",
                                    padded, std::min<size_t>(area_size, kMaxSevSecretSize)));
  }
  std::vector<uint8_t> table(padded);
  FieldWriter writer(table);
  writer.Copy(0, kSecretTableHeaderGuid.bytes);
  writer.Put(kLengthAt, static_cast<uint32_t>(size));
  size_t at = kHeaderSize;
  for (const SecretEntry& entry : entries) {
    const size_t entry_size = kHeaderSize + entry.secret.size();
    writer.Copy(at, entry.guid.bytes);
    writer.Put(at + kLengthAt, static_cast<uint32_t>(entry_size));
    writer.Copy(at + kHeaderSize, entry.secret);
    at += entry_size;
  }
  return table;
}

Result<std::vector<SecretEntry>> ParseSecretTable(std::span<const uint8_t> bytes,
                                                  std::string_view name) {
  const FieldReader reader(bytes);
  const size_t size = reader.U32(kLengthAt);
  if (size < kHeaderSize || size > bytes.size() ||
      reader.Array<16>(0) != kSecretTableHeaderGuid.bytes) {
    return InvalidInput(fmt::format("{}: no table of launch secrets", name));
  }
  std::vector<SecretEntry> entries;
  for (size_t at = kHeaderSize; at < size;) {
    const size_t left = size - at;
    const size_t entry_size = left < kHeaderSize ? 0 : reader.U32(at + kLengthAt);
    if (entry_size <= kHeaderSize || entry_size > left) {
      return InvalidInput(
          fmt::format("{}: the entry at offset {} does not lie in the table", name, at));
    }
    const auto secret = bytes.subspan(at + kHeaderSize, entry_size - kHeaderSize);
    entries.push_back({Guid{reader.Array<16>(at)}, {secret.begin(), secret.end()}});
    at += entry_size;
  }
  return entries;
}

}  // namespace sealvm::attestation
