// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/volume_scan.h"

#include <lzma.h>
#include <string.h>

#include <array>
#include <optional>

#include "memory/base/endian.h"
#include "memory/guest_layout.h"

namespace sealvm {
namespace {

// edk2 MdeModulePkg/Include/Guid/LzmaDecompress.h: an LZMA stream with the header of the "lzma
// alone" format.
constexpr Guid kLzmaSectionGuid = Guid::Of("ee4e5898-3914-4259-9d6e-dc7bd79403cf");

// EFI_GUID_DEFINED_SECTION: u24 size of all, u8 type, (u32 size when the first is 0xffffff,) GUID,
// u16 offset of the data, u16 attributes.
constexpr uint8_t kGuidDefinedType = 2;
constexpr uint32_t kSizeIsBehind = 0xffffff;
constexpr uint16_t kProcessingRequired = 1;
constexpr size_t kShortHeader = 4;
constexpr size_t kLongHeader = 8;

constexpr size_t kMaxSections = 16;
constexpr uint64_t kMaxUnpacked = 64 * kMiB;
// OVMF is packed with a dictionary of 16 MiB.
constexpr uint64_t kDecoderMemory = 128 * kMiB;
constexpr size_t kPiece = 256 * kKiB;

// Finds GUIDs in bytes that come in pieces.
class GuidFinder {
 public:
  explicit GuidFinder(std::span<const Guid> guids, std::vector<bool>& found)
      : guids_(guids), found_(found) {}

  void Look(std::span<const uint8_t> bytes) {
    for (size_t i = 0; i < guids_.size(); ++i) {
      if (found_[i]) continue;
      found_[i] = memmem(bytes.data(), bytes.size(), guids_[i].bytes.data(), sizeof(Guid));
    }
  }

 private:
  std::span<const Guid> guids_;
  std::vector<bool>& found_;
};

// The packed bytes of the section whose GUID is at `guid_offset`; nothing if none is there.
std::optional<std::span<const uint8_t>> SectionData(std::span<const uint8_t> image,
                                                    size_t guid_offset) {
  for (size_t header : {kShortHeader, kLongHeader}) {
    if (guid_offset < header) continue;
    const auto section = image.subspan(guid_offset - header);
    const uint32_t size_and_type = *LoadLe<uint32_t>(section);
    if (size_and_type >> 24 != kGuidDefinedType) continue;
    uint64_t size = size_and_type & 0xffffff;
    if ((size == kSizeIsBehind) != (header == kLongHeader)) continue;
    if (header == kLongHeader) size = *LoadLe<uint32_t>(section, kShortHeader);
    const auto data_offset = LoadLe<uint16_t>(section, header + sizeof(Guid));
    const auto attributes = LoadLe<uint16_t>(section, header + sizeof(Guid) + 2);
    if (!attributes || (*attributes & kProcessingRequired) == 0) continue;
    if (size > section.size() || *data_offset > size) continue;
    return section.subspan(*data_offset, size - *data_offset);
  }
  return std::nullopt;
}

// Unpacks `packed` and looks through it; whether it could be unpacked to its end.
class Unpacker {
 public:
  Unpacker() : buffer_(kPiece + kOverlap) {}
  ~Unpacker() { lzma_end(&stream_); }
  Unpacker(const Unpacker&) = delete;
  Unpacker& operator=(const Unpacker&) = delete;

  bool Unpack(std::span<const uint8_t> packed, GuidFinder& finder) {
    if (lzma_alone_decoder(&stream_, kDecoderMemory) != LZMA_OK) return false;
    stream_.next_in = packed.data();
    stream_.avail_in = packed.size();
    size_t kept = 0;
    for (;;) {
      stream_.next_out = buffer_.data() + kept;
      stream_.avail_out = buffer_.size() - kept;
      const lzma_ret status = lzma_code(&stream_, LZMA_RUN);
      const size_t filled = buffer_.size() - stream_.avail_out;
      finder.Look(std::span(buffer_).first(filled));
      if (status == LZMA_STREAM_END) return true;
      if (status != LZMA_OK || stream_.avail_out != 0 || stream_.total_out > kMaxUnpacked) {
        return false;
      }
      // A GUID may begin in this piece and end in the next.
      kept = kOverlap;
      memmove(buffer_.data(), buffer_.data() + filled - kept, kept);
    }
  }

 private:
  static constexpr size_t kOverlap = sizeof(Guid) - 1;

  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::vector<uint8_t> buffer_;
};

}  // namespace

VolumeScan ScanVolumes(std::span<const uint8_t> image, std::span<const Guid> guids) {
  VolumeScan scan = {.found = std::vector<bool>(guids.size())};
  if (image.empty()) return scan;  // memmem wants an address even for no bytes
  GuidFinder finder(guids, scan.found);
  finder.Look(image);
  size_t offset = 0;
  while (scan.unpacked + scan.damaged < kMaxSections) {
    const void* hit = memmem(image.data() + offset, image.size() - offset,
                             kLzmaSectionGuid.bytes.data(), sizeof(Guid));
    if (hit == nullptr) break;
    const auto at = static_cast<size_t>(static_cast<const uint8_t*>(hit) - image.data());
    offset = at + sizeof(Guid);
    // SEC's code that looks for such sections holds the GUID too.
    const auto packed = SectionData(image, at);
    if (!packed) continue;
    Unpacker unpacker;
    (unpacker.Unpack(*packed, finder) ? scan.unpacked : scan.damaged) += 1;
  }
  return scan;
}

}  // namespace sealvm
