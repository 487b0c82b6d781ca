// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/bzimage.h"

#include <asm/bootparam.h>
#include <fmt/format.h>
#include <stddef.h>
#include <string.h>

#include <algorithm>
#include <bit>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint64_t kSectorSize = 512;
// boot.rst: "For backwards compatibility, if the setup_sects field contains 0, the real value is
// 4".
constexpr uint8_t kDefaultSetupSectors = 4;
constexpr uint16_t kBootFlag = 0xaa55;
constexpr uint32_t kHeaderMagic = 0x53726448;  // "HdrS"

// Offsets in the file.
constexpr size_t kHeaderStart = offsetof(boot_params, hdr);                           // 0x1f1
constexpr size_t kBootFlagOffset = kHeaderStart + offsetof(setup_header, boot_flag);  // 0x1fe
constexpr size_t kJumpOffset = kHeaderStart + offsetof(setup_header, jump);           // 0x200
constexpr size_t kMagicOffset = kHeaderStart + offsetof(setup_header, header);        // 0x202
constexpr size_t kVersionOffset = kHeaderStart + offsetof(setup_header, version);     // 0x206
// What protocol 2.12 must contain, and what boot_params has room for.
constexpr size_t kHeaderEnd212 = kHeaderStart + offsetof(setup_header, kernel_info_offset);
constexpr size_t kHeaderRoomEnd = offsetof(boot_params, edd_mbr_sig_buffer);  // 0x290
static_assert(kHeaderStart == 0x1f1 && kBootFlagOffset == 0x1fe && kMagicOffset == 0x202);
static_assert(kHeaderEnd212 == 0x268 && kHeaderRoomEnd == 0x290);

constexpr uint64_t kMaxAlignment = kGiB;
constexpr Gpa kDefaultLoadAddress = 0x100000;
constexpr size_t kMaxVersionLength = 256;

class Parser {
 public:
  explicit Parser(const ImageFile& file) : file_(file) {}

  Result<BzImage> Parse() {
    SEALVM_TRY(ReadHeader());
    SEALVM_TRY(CheckProtocol());
    SEALVM_TRY(CopyHeader());
    SEALVM_TRY(TakePlacement());
    SEALVM_TRY(TakeCode());
    SEALVM_TRY(TakePayload());
    TakeVersionString();
    return std::move(image_);
  }

 private:
  std::unexpected<Error> Bad(std::string_view what, std::string hint = {}) const {
    return InvalidInput(fmt::format("{}: {}", file_.name(), what), std::move(hint));
  }

  Result<> ReadHeader() {
    const size_t available = std::min<uint64_t>(file_.size(), kHeaderRoomEnd);
    start_.resize(available);
    SEALVM_TRY(file_.Read(0, start_));
    if (available < kVersionOffset + 2) {
      return Bad("bzImage is truncated inside of its setup header");
    }
    memcpy(&header_, start_.data() + kHeaderStart,
           std::min(sizeof(header_), available - kHeaderStart));
    return {};
  }

  Result<> CheckProtocol() {
    const uint16_t version = header_.version;
    image_.protocol = version;
    if (version < kOldestBootProtocol) {
      return Bad(fmt::format("bzImage has boot protocol {}.{:02}, but 2.12 or newer is needed",
                             version >> 8, version & 0xff),
                 "use a kernel from Linux 3.8 on");
    }
    if ((header_.loadflags & LOADED_HIGH) == 0) {
      return Bad("is a zImage, which loads below 1 MiB; a bzImage is needed");
    }
    return {};
  }

  // The header ends where the jump instruction at its start leads to: an opcode byte at 0x200 and
  // an 8-bit displacement, relative to 0x202.
  Result<> CopyHeader() {
    const size_t declared_end = kMagicOffset + start_[kJumpOffset + 1];
    if (declared_end < kHeaderEnd212) {
      return Bad(fmt::format("bzImage setup header ends at {:#x}, but protocol 2.12 needs {:#x}",
                             declared_end, kHeaderEnd212));
    }
    const size_t end = std::min(declared_end, kHeaderRoomEnd);
    if (end > start_.size()) return Bad("bzImage is truncated inside of its setup header");
    image_.setup_header.assign(start_.begin() + kHeaderStart,
                               start_.begin() + static_cast<ptrdiff_t>(end));
    return {};
  }

  Result<> TakePlacement() {
    image_.xloadflags = header_.xloadflags;
    image_.relocatable = header_.relocatable_kernel != 0;
    const uint32_t alignment = header_.kernel_alignment;
    image_.alignment = std::max(alignment, static_cast<uint32_t>(kPageSize));
    if (!std::has_single_bit(image_.alignment) || image_.alignment > kMaxAlignment) {
      return Bad(fmt::format("bzImage kernel_alignment {:#x} is not a power of two up to 1 GiB",
                             alignment));
    }
    const Gpa preferred = header_.pref_address != 0 ? header_.pref_address : kDefaultLoadAddress;
    if (preferred < kDefaultLoadAddress || preferred > kMaxRamSize) {
      return Bad(fmt::format("bzImage pref_address {:#x} is out of range", preferred));
    }
    const Gpa mask = image_.alignment - 1;
    image_.preferred_address = (preferred + mask) & ~mask;
    image_.init_size = header_.init_size;
    image_.cmdline_size = header_.cmdline_size;
    image_.initrd_addr_max = header_.initrd_addr_max;
    return {};
  }

  Result<> TakeCode() {
    const uint8_t sectors = header_.setup_sects == 0 ? kDefaultSetupSectors : header_.setup_sects;
    image_.kernel_offset = (uint64_t{sectors} + 1) * kSectorSize;
    if (file_.size() <= image_.kernel_offset) {
      return Bad(fmt::format("bzImage is truncated: {} bytes, but the kernel starts at byte {}",
                             file_.size(), image_.kernel_offset));
    }
    const uint64_t available = file_.size() - image_.kernel_offset;
    const uint64_t declared = uint64_t{header_.syssize} * 16;
    // syssize counts 16-byte paragraphs, so it may round up past the end.
    if (declared > available + 15) {
      return Bad(
          fmt::format("bzImage is truncated: {} of {} bytes of kernel", available, declared));
    }
    image_.kernel_size = declared == 0 ? available : std::min(declared, available);
    if (image_.kernel_size <= kBzImageEntry64Offset) {
      return Bad(fmt::format("bzImage has only {} bytes of kernel", image_.kernel_size));
    }
    return {};
  }

  Result<> TakePayload() {
    if (header_.payload_length == 0) return {};
    const uint64_t end = uint64_t{header_.payload_offset} + header_.payload_length;
    if (end > image_.kernel_size) {
      return Bad(fmt::format("bzImage payload ends at byte {} of a kernel of {} bytes", end,
                             image_.kernel_size));
    }
    image_.payload_offset = image_.kernel_offset + header_.payload_offset;
    image_.payload_size = header_.payload_length;
    return {};
  }

  // boot.rst: kernel_version + 0x200 is the file offset of a NUL-terminated string in the setup
  // code.
  void TakeVersionString() {
    if (header_.kernel_version == 0) return;
    const uint64_t offset = uint64_t{header_.kernel_version} + kSectorSize;
    if (offset >= image_.kernel_offset) return;
    std::vector<uint8_t> text(std::min<uint64_t>(kMaxVersionLength, image_.kernel_offset - offset));
    if (!file_.Read(offset, text)) return;
    for (const uint8_t c : text) {
      if (c < 0x20 || c > 0x7e) break;
      image_.kernel_version.push_back(static_cast<char>(c));
    }
  }

  const ImageFile& file_;
  std::vector<uint8_t> start_;
  setup_header header_ = {};
  BzImage image_;
};

}  // namespace

bool BzImage::has_entry_64() const { return (xloadflags & XLF_KERNEL_64) != 0; }

bool BzImage::may_load_above_4g() const { return (xloadflags & XLF_CAN_BE_LOADED_ABOVE_4G) != 0; }

bool LooksLikeBzImage(std::span<const uint8_t> start) {
  return LoadLe<uint16_t>(start, kBootFlagOffset) == kBootFlag &&
         LoadLe<uint32_t>(start, kMagicOffset) == kHeaderMagic;
}

Result<BzImage> ParseBzImage(const ImageFile& file) { return Parser(file).Parse(); }

}  // namespace sealvm
