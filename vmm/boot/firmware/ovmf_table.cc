// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/ovmf_table.h"

#include <fmt/format.h>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Between the table and the image's end lie the reset vector and what it jumps to.
constexpr size_t kTableEnd = 0x20;
// u16 length, which counts these bytes too, and GUID; the entry's data are before them.
constexpr size_t kLengthSize = 2;
constexpr size_t kTrailerSize = kLengthSize + sizeof(Guid);

std::unexpected<Error> BadTable(const FirmwareImage& image, std::string_view what) {
  return InvalidInput(fmt::format("{}: damaged OVMF table: {}", image.name(), what),
                      "is the file a whole, unchanged OVMF image?");
}

struct Trailer {
  size_t length = 0;
  Guid guid;
};

// The trailer at the end of `bytes`, which holds at least one.
Trailer LastTrailer(std::span<const uint8_t> bytes) {
  const auto trailer = bytes.last(kTrailerSize);
  return {.length = *LoadLe<uint16_t>(trailer),
          .guid = Guid::FromBytes(trailer.subspan(kLengthSize))};
}

}  // namespace

Result<OvmfTable> OvmfTable::Parse(const FirmwareImage& image) {
  OvmfTable table;
  const auto before = image.bytes().first(image.size() - kTableEnd);
  const Trailer footer = LastTrailer(before);
  if (footer.guid != kOvmfTableFooterGuid) return table;
  table.present_ = true;
  if (footer.length < kTrailerSize || footer.length > before.size()) {
    return BadTable(image, fmt::format("its length is {}", footer.length));
  }
  auto rest = before.last(footer.length).first(footer.length - kTrailerSize);
  while (!rest.empty()) {
    if (rest.size() < kTrailerSize) {
      return BadTable(image, fmt::format("{} bytes before its first entry", rest.size()));
    }
    const Trailer entry = LastTrailer(rest);
    if (entry.length < kTrailerSize || entry.length > rest.size()) {
      return BadTable(image, fmt::format("entry {} has length {} where {} bytes are left",
                                         entry.guid.ToString(), entry.length, rest.size()));
    }
    if (table.Find(entry.guid)) {
      return BadTable(image, fmt::format("two entries {}", entry.guid.ToString()));
    }
    table.entries_.push_back(
        {.guid = entry.guid, .data = rest.last(entry.length).first(entry.length - kTrailerSize)});
    rest = rest.first(rest.size() - entry.length);
  }
  return table;
}

std::optional<std::span<const uint8_t>> OvmfTable::Find(const Guid& guid) const {
  for (const OvmfTableEntry& entry : entries_) {
    if (entry.guid == guid) return entry.data;
  }
  return std::nullopt;
}

Result<std::span<const uint8_t>> FollowOffset(const FirmwareImage& image,
                                              std::span<const uint8_t> entry,
                                              std::string_view what) {
  const auto offset = LoadLe<uint32_t>(entry);
  if (!offset) return BadTable(image, fmt::format("its entry for {} is too short", what));
  if (*offset > image.size()) {
    return InvalidInput(
        fmt::format("{}: its {} would lie {:#x} bytes before its end, outside the file",
                    image.name(), what, *offset),
        "give the combined image (OVMF.fd), not one of the parts CODE and VARS");
  }
  return image.bytes().last(*offset);
}

}  // namespace sealvm
