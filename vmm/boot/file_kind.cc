// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/file_kind.h"

#include <stddef.h>

#include <algorithm>

namespace sealvm {
namespace {

using namespace std::string_view_literals;

struct Kind {
  size_t offset;
  std::string_view magic;
  std::string_view description;
};

// The first match counts. Sources: Linux
// Documentation/arch/{arm64/booting,riscv/boot-image-header}.rst for the Images,
// Documentation/driver-api/early-userspace/buffer-format.rst for cpio.
constexpr Kind kKinds[] = {
    {0x38, "ARM\x64"sv, "is an ARM64 kernel Image"},
    {0x38, "RSC\x05"sv, "is a RISC-V kernel Image"},
    {0, "\x1f\x8b"sv, "is a gzip file"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "is an xz file"},
    {0, "\x28\xb5\x2f\xfd"sv, "is a zstd file"},
    {0, "\x02\x21\x4c\x18"sv, "is an lz4 file"},
    {0, "\x04\x22\x4d\x18"sv, "is an lz4 file"},
    {0, "BZh"sv, "is a bzip2 file"},
    {0, "070701"sv, "is a cpio archive (an initramfs?)"},
    {0, "070702"sv, "is a cpio archive (an initramfs?)"},
    {0, "!<arch>\n"sv, "is an ar archive (a .deb package?)"},
    {0, "\x27\x05\x19\x56"sv, "is a U-Boot image"},
    {0, "\xd0\x0d\xfe\xed"sv, "is a device tree"},
    {0, "QFI\xfb"sv, "is a qcow2 disk image"},
    {0, "#!"sv, "is a script"},
    {0, "MZ"sv, "is a PE/EFI program without a Linux setup header"},
    {0x1fe, "\x55\xaa"sv, "is a boot sector or disk image"},
};

}  // namespace

std::string_view DescribeFileStart(std::span<const uint8_t> start) {
  if (start.empty()) return "is empty";
  const std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  for (const Kind& kind : kKinds) {
    if (text.size() >= kind.offset && text.substr(kind.offset).starts_with(kind.magic)) {
      return kind.description;
    }
  }
  if (std::ranges::all_of(start, [](uint8_t byte) { return byte == 0; })) {
    return "begins with zeroes";
  }
  return "is of an unknown format";
}

}  // namespace sealvm
