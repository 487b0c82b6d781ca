// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_FIRMWARE_IMAGE_H_
#define SEALVM_VMM_BOOT_FIRMWARE_FIRMWARE_IMAGE_H_

#include <stdint.h>

#include <span>
#include <string>
#include <string_view>

#include "memory/base/mapping.h"
#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/image_file.h"

namespace sealvm {

// A firmware image ends here; its last 16 bytes are the reset vector's (Intel SDM vol. 3A section
// 10.1.4, AMD APM vol. 2 section 14.1.3).
inline constexpr Gpa kFirmwareEnd = 4 * kGiB;
// What is below kFirmwareEnd and free of the APICs' windows.
inline constexpr uint64_t kMaxFirmwareSize = 16 * kMiB;

// What stands for guest-fw, which is built in, in place of a path. A file of this name is
// "./guest-fw".
inline constexpr std::string_view kBuiltInFirmware = "guest-fw";

// The bytes of a firmware file, read once: what is measured is what is launched, whatever happens
// to the file. Page aligned, not writable after it was made. Contents are hostile. Move-only; const
// methods may be called from several threads.
class FirmwareImage {
 public:
  // The file, or kBuiltInFirmware. Errors are kInvalidInput and begin with `option` ("--firmware")
  // if given: no regular file, empty, no whole number of pages, larger than kMaxFirmwareSize, or
  // what users mix up with firmware.
  static Result<FirmwareImage> Open(const std::string& path, std::string_view option = {});
  // Copies; `name` stands for the file in errors. Only the size is checked.
  static Result<FirmwareImage> FromBytes(std::string name, std::span<const uint8_t> bytes);

  // How errors call it: "--firmware OVMF.fd".
  const std::string& name() const { return name_; }
  std::span<const uint8_t> bytes() const { return {memory_.data(), memory_.size()}; }
  // Bytes.
  uint64_t size() const { return memory_.size(); }
  // Where the first byte lies in the guest.
  Gpa base() const { return kFirmwareEnd - size(); }

 private:
  FirmwareImage() = default;
  static Result<FirmwareImage> Read(const ImageFile& file);

  std::string name_;
  Mapping memory_;
};

// Whether it is kBuiltInFirmware, wherever its bytes come from.
bool IsBuiltInFirmware(const FirmwareImage& image);

// kInvalidInput when nothing is where the CPU begins: the store of variables of a split image,
// whose code part is what boots.
Result<> CheckHasCode(const FirmwareImage& image);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_FIRMWARE_IMAGE_H_
