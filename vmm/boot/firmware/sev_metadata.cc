// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/sev_metadata.h"

#include <fmt/format.h>

#include <utility>

#include "memory/base/endian.h"
#include "vmm/boot/firmware/range_set.h"

namespace sealvm {
namespace {

constexpr std::string_view kWhat = "SEV metadata";
constexpr std::string_view kHint = "is the file a whole, unchanged OVMF image?";

// u32 signature "ASEV", u32 length of all, u32 version, u32 number of sections, and the sections:
// u32 gpa, u32 size, u32 type.
constexpr uint32_t kSignature = 0x56455341;
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderSize = 16;
constexpr size_t kSectionSize = 12;

std::unexpected<Error> Bad(const FirmwareImage& image, std::string_view what) {
  return InvalidInput(fmt::format("{}: bad {}: {}", image.name(), kWhat, what), std::string(kHint));
}

Result<std::optional<SevArea>> ReadArea(const FirmwareImage& image, const OvmfTable& table,
                                        const Guid& guid, std::string_view what) {
  const auto entry = table.Find(guid);
  if (!entry) return std::nullopt;
  const auto gpa = LoadLe<uint32_t>(*entry, 0);
  const auto size = LoadLe<uint32_t>(*entry, 4);
  if (!gpa || !size) return Bad(image, fmt::format("the entry of the {} is too short", what));
  return SevArea{.gpa = *gpa, .size = *size};
}

Result<> CheckSection(const FirmwareImage& image, const SevSection& section, RangeSet& taken) {
  const std::string name = SevSectionTypeName(section.type);
  if (section.gpa % kPageSize != 0 || section.size % kPageSize != 0) {
    return Bad(image, fmt::format("section {} at {:#x}, {:#x} bytes, is not page aligned", name,
                                  section.gpa, section.size));
  }
  if (section.gpa > image.base() || section.size > image.base() - section.gpa) {
    return Bad(image, fmt::format("section {} at {:#x}, {:#x} bytes, does not end below the image",
                                  name, section.gpa, section.size));
  }
  if (!taken.Add(section.gpa, section.size)) {
    return Bad(image, fmt::format("section {} at {:#x}, {:#x} bytes, overlaps another one", name,
                                  section.gpa, section.size));
  }
  return {};
}

Result<std::vector<SevSection>> ReadSections(const FirmwareImage& image,
                                             std::span<const uint8_t> bytes) {
  const auto signature = LoadLe<uint32_t>(bytes, 0);
  if (signature != kSignature) return Bad(image, "no signature 'ASEV' where the table points to");
  const auto length = LoadLe<uint32_t>(bytes, 4);
  const auto version = LoadLe<uint32_t>(bytes, 8);
  const auto count = LoadLe<uint32_t>(bytes, 12);
  if (!count) return Bad(image, "it ends inside its header");
  if (*version != kVersion) return Bad(image, fmt::format("version {} is not known", *version));
  if (*length > bytes.size() || *length < kHeaderSize ||
      (*length - kHeaderSize) / kSectionSize < *count) {
    return Bad(image, fmt::format("{} sections do not fit into {} bytes, with {} left in the file",
                                  *count, *length, bytes.size()));
  }
  std::vector<SevSection> sections;
  RangeSet taken;
  for (size_t offset = kHeaderSize; sections.size() < *count; offset += kSectionSize) {
    const SevSection section = {
        .gpa = *LoadLe<uint32_t>(bytes, offset),
        .size = *LoadLe<uint32_t>(bytes, offset + 4),
        .type = static_cast<SevSectionType>(*LoadLe<uint32_t>(bytes, offset + 8))};
    if (section.size != 0) SEALVM_TRY(CheckSection(image, section, taken));
    sections.push_back(section);
  }
  return sections;
}

}  // namespace

std::string SevSectionTypeName(SevSectionType type) {
  switch (type) {
    case SevSectionType::kSecMem:
      return "SEC_MEM";
    case SevSectionType::kSecrets:
      return "SECRETS";
    case SevSectionType::kCpuid:
      return "CPUID";
    case SevSectionType::kSvsmCaa:
      return "SVSM_CAA";
    case SevSectionType::kKernelHashes:
      return "KERNEL_HASHES";
  }
  return fmt::format("type {}", static_cast<uint32_t>(type));
}

Result<SevMetadata> ParseSevMetadata(const FirmwareImage& image, const OvmfTable& table) {
  SevMetadata metadata;
  if (const auto reset_block = table.Find(kSevEsResetBlockGuid)) {
    metadata.ap_reset_eip = LoadLe<uint32_t>(*reset_block);
    if (!metadata.ap_reset_eip) return Bad(image, "the entry of the reset block is too short");
  }
  metadata.secret_area =
      SEALVM_TRY(ReadArea(image, table, kSevSecretBlockGuid, "launch secret area"));
  metadata.hash_area =
      SEALVM_TRY(ReadArea(image, table, kSevHashTableBlockGuid, "kernel hash table area"));
  if (const auto entry = table.Find(kSevMetadataOffsetGuid)) {
    const auto bytes = SEALVM_TRY(FollowOffset(image, *entry, kWhat));
    metadata.sections = SEALVM_TRY(ReadSections(image, bytes));
  }
  return metadata;
}

}  // namespace sealvm
