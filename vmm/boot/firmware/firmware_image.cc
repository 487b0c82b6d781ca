// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/firmware_image.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <utility>

#include "guest-fw/measured_loader_image.h"

namespace sealvm {
namespace {

constexpr std::string_view kHint = "give an image such as OVMF.fd or OVMF_CODE_4M.fd";

// At the image's end: the reset vector.
constexpr size_t kResetVectorBytes = 16;

bool StartsWith(std::span<const uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::ranges::equal(bytes.first(magic.size()), magic);
}

Result<> CheckSize(const ImageFile& file) {
  if (file.size() == 0) {
    return InvalidInput(fmt::format("{}: is empty", file.name()), std::string(kHint));
  }
  if (file.size() > kMaxFirmwareSize) {
    return InvalidInput(
        fmt::format("{}: {} bytes are too large for a firmware, which has at most {}", file.name(),
                    file.size(), kMaxFirmwareSize),
        std::string(kHint));
  }
  if (file.size() % kPageSize != 0) {
    return InvalidInput(fmt::format("{}: {} bytes are no whole number of pages of {} bytes",
                                    file.name(), file.size(), kPageSize),
                        std::string(kHint));
  }
  return {};
}

// Users mix firmware up with what is given beside it. Looked at before the size, which would tell
// them less.
Result<> CheckStart(const ImageFile& file) {
  std::array<uint8_t, 4> start = {};
  if (file.size() < start.size()) return {};
  SEALVM_TRY(file.Read(0, start));
  if (StartsWith(start,
                 "\x7f"
                 "ELF")) {
    return InvalidInput(fmt::format("{}: is an ELF program, not a firmware image", file.name()),
                        std::string(kHint));
  }
  if (StartsWith(start, "MZ")) {
    return InvalidInput(fmt::format("{}: is a kernel or EFI program", file.name()),
                        "give it as --kernel, and the firmware here");
  }
  return {};
}

}  // namespace

Result<FirmwareImage> FirmwareImage::Open(const std::string& path, std::string_view option) {
  if (path == kBuiltInFirmware) {
    return FromBytes(fmt::format("{}{}{}", option, option.empty() ? "" : " ", path),
                     MeasuredLoaderImage());
  }
  const ImageFile file = SEALVM_TRY(ImageFile::Open(path, option));
  SEALVM_TRY(CheckStart(file));
  return Read(file);
}

Result<FirmwareImage> FirmwareImage::FromBytes(std::string name, std::span<const uint8_t> bytes) {
  return Read(ImageFile::FromBytes(std::move(name), bytes));
}

Result<FirmwareImage> FirmwareImage::Read(const ImageFile& file) {
  SEALVM_TRY(CheckSize(file));
  FirmwareImage image;
  image.name_ = file.name();
  image.memory_ = SEALVM_TRY(Mapping::Create(file.size(), PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, image.name_));
  SEALVM_TRY(file.Read(0, {image.memory_.data(), image.memory_.size()}));
  if (mprotect(image.memory_.data(), image.memory_.size(), PROT_READ) != 0) {
    return SystemError("mprotect", image.name_, errno);
  }
  return image;
}

// Erased flash is all ones.
bool IsBuiltInFirmware(const FirmwareImage& image) {
  return std::ranges::equal(image.bytes(), MeasuredLoaderImage());
}

Result<> CheckHasCode(const FirmwareImage& image) {
  const auto is_empty = [](uint8_t byte) { return byte == 0 || byte == 0xff; };
  if (!std::ranges::all_of(image.bytes().last(kResetVectorBytes), is_empty)) return {};
  return InvalidInput(
      fmt::format("{}: has no code at its end: a variable store is no firmware", image.name()),
      std::string(kHint));
}

}  // namespace sealvm
