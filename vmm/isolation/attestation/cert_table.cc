// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/cert_table.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

constexpr size_t kEntrySize = 24;
constexpr size_t kOffsetAt = 16;
constexpr size_t kLengthAt = 20;
constexpr size_t kPage = 4096;

constexpr std::pair<Guid, std::string_view> kNames[] = {
    {kGuidVcek, "VCEK"}, {kGuidVlek, "VLEK"}, {kGuidAsk, "ASK"},
    {kGuidArk, "ARK"},   {kGuidCrl, "CRL"},
};

// The specification says text order; tables in EFI's order are about, too.
Guid ReadGuid(const std::array<uint8_t, 16>& bytes) {
  for (const auto& [known, name] : kNames) {
    if (bytes == known.bytes) return known;
  }
  return Guid::FromTextOrder(bytes);
}

// How many entries lie before the one of zeroes.
Result<size_t> CountEntries(std::span<const uint8_t> bytes, std::string_view name) {
  for (size_t count = 0; count <= kMaxCertTableEntries; ++count) {
    const size_t at = count * kEntrySize;
    if (bytes.size() < at + kEntrySize) {
      return InvalidInput(fmt::format("{}: the certificate table has no end", name));
    }
    if (IsZero(bytes.subspan(at, kEntrySize))) return count;
  }
  return InvalidInput(fmt::format("{}: the certificate table has more than {} entries", name,
                                  kMaxCertTableEntries));
}

}  // namespace

Result<std::vector<uint8_t>> BuildCertTable(std::span<const CertTableEntry> entries,
                                            std::string_view name) {
  if (entries.size() > kMaxCertTableEntries) {
    return InvalidInput(fmt::format("{}: {} certificates, at most {} go into a table", name,
                                    entries.size(), kMaxCertTableEntries));
  }
  size_t size = (entries.size() + 1) * kEntrySize;
  for (const CertTableEntry& entry : entries) {
    if (entry.certificate.empty() || entry.guid == Guid{}) {
      return InvalidInput(fmt::format("{}: {} is empty", name, CertTableEntryName(entry.guid)));
    }
    if (entry.certificate.size() > kMaxCertTableSize - size) {
      return InvalidInput(
          fmt::format("{}: the certificates need more than {} bytes", name, kMaxCertTableSize));
    }
    size += entry.certificate.size();
  }
  std::vector<uint8_t> table((size + kPage - 1) / kPage * kPage);
  FieldWriter writer(table);
  size_t entry_at = 0;
  size_t data_at = (entries.size() + 1) * kEntrySize;
  for (const CertTableEntry& entry : entries) {
    writer.Copy(entry_at, entry.guid.InTextOrder());
    writer.Put(entry_at + kOffsetAt, static_cast<uint32_t>(data_at));
    writer.Put(entry_at + kLengthAt, static_cast<uint32_t>(entry.certificate.size()));
    writer.Copy(data_at, entry.certificate);
    entry_at += kEntrySize;
    data_at += entry.certificate.size();
  }
  return table;
}

Result<std::vector<CertTableEntry>> ParseCertTable(std::span<const uint8_t> bytes,
                                                   std::string_view name) {
  const size_t count = SEALVM_TRY(CountEntries(bytes, name));
  const FieldReader reader(bytes);
  std::vector<CertTableEntry> entries;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = i * kEntrySize;
    const Guid guid = ReadGuid(reader.Array<16>(at));
    const size_t offset = reader.U32(at + kOffsetAt);
    const size_t length = reader.U32(at + kLengthAt);
    if (length == 0 || offset < (count + 1) * kEntrySize || offset > bytes.size() ||
        length > bytes.size() - offset) {
      return InvalidInput(
          fmt::format("{}: {} of {} bytes at offset {} does not lie in the table of {} bytes", name,
                      CertTableEntryName(guid), length, offset, bytes.size()));
    }
    const std::span<const uint8_t> certificate = bytes.subspan(offset, length);
    entries.push_back({guid, {certificate.begin(), certificate.end()}});
  }
  return entries;
}

std::string CertTableEntryName(const Guid& guid) {
  for (const auto& [known, name] : kNames) {
    if (guid == known) return std::string(name);
  }
  return guid.ToString();
}

}  // namespace sealvm::attestation
