// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/tdx_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "memory/base/endian.h"
#include "vmm/boot/firmware/range_set.h"

namespace sealvm {
namespace {

constexpr std::string_view kWhat = "TDX metadata";
constexpr std::string_view kHint = "is the file a whole, unchanged TDVF or OVMF image?";

// Lies before the descriptor: u32 signature "TDVF", u32 length of all, u32 version, u32 number of
// sections, and the sections: u32 file offset, u32 file size, u64 gpa, u64 memory size, u32 type,
// u32 attributes.
constexpr Guid kMetadataGuid = Guid::Of("e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae");
constexpr uint32_t kSignature = 0x46564454;
constexpr uint32_t kVersion = 1;
constexpr size_t kHeaderSize = 16;
constexpr size_t kSectionSize = 32;

// What a launch has in memory or hashes, of all sections: an image is at most a quarter of it.
constexpr uint64_t kMaxContent = 64 * kMiB;

std::unexpected<Error> Bad(const FirmwareImage& image, std::string_view what) {
  return InvalidInput(fmt::format("{}: bad {}: {}", image.name(), kWhat, what), std::string(kHint));
}

// The descriptor and all that follows in the file.
Result<std::span<const uint8_t>> FindDescriptor(const FirmwareImage& image,
                                                std::span<const uint8_t> entry) {
  const auto bytes = SEALVM_TRY(FollowOffset(image, entry, kWhat));
  const auto before = image.bytes().first(image.size() - bytes.size());
  if (before.size() < sizeof(Guid) || Guid::FromBytes(before.last(sizeof(Guid))) != kMetadataGuid) {
    return Bad(image, "its GUID is not where the table points to");
  }
  return bytes;
}

TdxSection ReadSection(std::span<const uint8_t> bytes, size_t offset) {
  return {.file_offset = *LoadLe<uint32_t>(bytes, offset),
          .file_size = *LoadLe<uint32_t>(bytes, offset + 4),
          .gpa = *LoadLe<uint64_t>(bytes, offset + 8),
          .memory_size = *LoadLe<uint64_t>(bytes, offset + 16),
          .type = static_cast<TdxSectionType>(*LoadLe<uint32_t>(bytes, offset + 24)),
          .attributes = *LoadLe<uint32_t>(bytes, offset + 28)};
}

// Checks sections one after the other.
class SectionChecker {
 public:
  explicit SectionChecker(const FirmwareImage& image) : image_(image) {}

  Result<> Check(const TdxSection& section) {
    if (static_cast<uint32_t>(section.type) >= kTdxSectionTypes)
      return Fail(section, "is not known");
    if (section.file_offset > image_.size() ||
        section.file_size > image_.size() - section.file_offset) {
      return Fail(section, "does not lie inside the file");
    }
    if (section.attributes > (TdxSection::kExtendMr | TdxSection::kPageAug)) {
      return Fail(section, "has attributes that are not known");
    }
    if (section.type == TdxSectionType::kTdInfo) {
      if (section.gpa != 0 || section.memory_size != 0)
        return Fail(section, "must not be in memory");
      return {};
    }
    if (section.file_size > section.memory_size) return Fail(section, "is larger in the file");
    if (section.memory_size == 0) return {};
    if (section.gpa % kPageSize != 0 || section.memory_size % kPageSize != 0) {
      return Fail(section, "is not page aligned");
    }
    // No guest physical address is wider than 52 bits; what is there at the start is below 4 GiB.
    const Gpa end = section.added() ? kFirmwareEnd : Gpa{1} << 52;
    if (section.gpa > end || section.memory_size > end - section.gpa) {
      return Fail(section, "ends too high in memory");
    }
    if (!taken_.Add(section.gpa, section.memory_size)) return Fail(section, "overlaps another one");
    return CheckContent(section);
  }

 private:
  Result<> CheckContent(const TdxSection& section) {
    const bool volume =
        section.type == TdxSectionType::kBfv || section.type == TdxSectionType::kCfv;
    if (volume && section.file_size != section.memory_size) {
      return Fail(section, "is a firmware volume of another size in the file");
    }
    if (section.type == TdxSectionType::kTdHob && std::exchange(has_td_hob_, true)) {
      return Fail(section, "is the second of its type");
    }
    const bool filled_by_vmm = section.type == TdxSectionType::kTdHob ||
                               section.type == TdxSectionType::kTempMem ||
                               section.type == TdxSectionType::kPermMem;
    if (filled_by_vmm && section.file_size != 0) return Fail(section, "must not be in the file");
    if (section.measured() && !section.added()) return Fail(section, "is measured, but not added");
    const bool has_content =
        section.measured() || section.file_size != 0 || section.type == TdxSectionType::kTdHob;
    if (!has_content) return {};
    if (section.memory_size > kMaxContent - content_) return Fail(section, "holds too much");
    content_ += section.memory_size;
    return {};
  }

  std::unexpected<Error> Fail(const TdxSection& section, std::string_view what) const {
    return Bad(
        image_,
        fmt::format("section {} at {:#x}, {:#x} bytes, in the file at {:#x}, {:#x} bytes, {}",
                    TdxSectionTypeName(section.type), section.gpa, section.memory_size,
                    section.file_offset, section.file_size, what));
  }

  const FirmwareImage& image_;
  RangeSet taken_;
  uint64_t content_ = 0;
  bool has_td_hob_ = false;
};

// The table is measured with the section whose content it becomes part of.
Result<uint32_t> FindHashPage(const FirmwareImage& image, std::span<const uint8_t> entry,
                              const TdxMetadata& metadata) {
  const auto bytes = SEALVM_TRY(FollowOffset(image, entry, "kernel hash page"));
  const auto offset = static_cast<uint32_t>(image.size() - bytes.size());
  const bool in_section = std::ranges::any_of(metadata.sections, [&](const TdxSection& section) {
    return section.measured() && section.file_offset <= offset &&
           offset - section.file_offset <= section.file_size &&
           section.file_size - (offset - section.file_offset) >= kPageSize;
  });
  if (LoadLe<uint32_t>(entry, 4) == kPageSize && offset % kPageSize == 0 && in_section) {
    return offset;
  }
  return Bad(image, fmt::format("the kernel hash page at {:#x} is no page of a section that is "
                                "measured",
                                offset));
}

}  // namespace

std::string TdxSectionTypeName(TdxSectionType type) {
  switch (type) {
    case TdxSectionType::kBfv:
      return "BFV";
    case TdxSectionType::kCfv:
      return "CFV";
    case TdxSectionType::kTdHob:
      return "TD_HOB";
    case TdxSectionType::kTempMem:
      return "TempMem";
    case TdxSectionType::kPermMem:
      return "PermMem";
    case TdxSectionType::kPayload:
      return "Payload";
    case TdxSectionType::kPayloadParam:
      return "PayloadParam";
    case TdxSectionType::kTdInfo:
      return "TD_INFO";
    case TdxSectionType::kTdParams:
      return "TD_PARAMS";
  }
  return fmt::format("type {}", static_cast<uint32_t>(type));
}

Result<std::optional<TdxMetadata>> ParseTdxMetadata(const FirmwareImage& image,
                                                    const OvmfTable& table) {
  const auto entry = table.Find(kTdxMetadataOffsetGuid);
  if (!entry) return std::nullopt;
  const auto bytes = SEALVM_TRY(FindDescriptor(image, *entry));
  if (LoadLe<uint32_t>(bytes, 0) != kSignature) return Bad(image, "no signature 'TDVF'");
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
  TdxMetadata metadata;
  SectionChecker checker(image);
  for (size_t offset = kHeaderSize; metadata.sections.size() < *count; offset += kSectionSize) {
    metadata.sections.push_back(ReadSection(bytes, offset));
    SEALVM_TRY(checker.Check(metadata.sections.back()));
  }
  if (const auto page = table.Find(kTdxHashPageGuid)) {
    metadata.hash_page_offset = SEALVM_TRY(FindHashPage(image, *page, metadata));
  }
  return metadata;
}

Result<TdxMetadata> RequireTdxMetadata(const FirmwareImage& image, const OvmfTable& table) {
  std::optional<TdxMetadata> metadata = SEALVM_TRY(ParseTdxMetadata(image, table));
  if (metadata) return *std::move(metadata);
  return InvalidInput(fmt::format("{}: has no TDX metadata: it cannot run in a TD", image.name()),
                      "give an OVMF image with TDX support, such as OVMF.fd of Debian's ovmf");
}

}  // namespace sealvm
