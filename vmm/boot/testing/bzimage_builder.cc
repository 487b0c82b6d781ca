// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/testing/bzimage_builder.h"

#include <stddef.h>

#include <algorithm>
#include <span>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Offsets of boot.rst, written out so that the parser's own table is not trusted.
constexpr size_t kSetupSects = 0x1f1;
constexpr size_t kSyssize = 0x1f4;
constexpr size_t kBootFlag = 0x1fe;
constexpr size_t kJump = 0x200;
constexpr size_t kMagic = 0x202;
constexpr size_t kVersion = 0x206;
constexpr size_t kKernelVersion = 0x20e;
constexpr size_t kLoadflags = 0x211;
constexpr size_t kInitrdAddrMax = 0x22c;
constexpr size_t kKernelAlignment = 0x230;
constexpr size_t kRelocatable = 0x234;
constexpr size_t kXloadflags = 0x236;
constexpr size_t kCmdlineSize = 0x238;
constexpr size_t kPayloadOffset = 0x248;
constexpr size_t kPayloadLength = 0x24c;
constexpr size_t kPrefAddress = 0x258;
constexpr size_t kInitSize = 0x260;

constexpr size_t kSectorSize = 512;
constexpr size_t kVersionText = 0x300;  // in the second sector

void Put(std::span<uint8_t> image, size_t offset, size_t width, uint64_t value) {
  StoreLeAny(image.subspan(offset, width), value);
}

}  // namespace

std::vector<uint8_t> BzImageBuilder::Build() const {
  const size_t sectors = setup_sects == 0 ? 4 : setup_sects;
  const size_t kernel = (sectors + 1) * kSectorSize;
  std::vector<uint8_t> image(kernel + code_size);
  for (size_t i = 0; i < code_size; ++i) image[kernel + i] = CodeByte(i);
  image.insert(image.end(), payload.begin(), payload.end());
  const size_t kernel_size = image.size() - kernel;

  const std::span<uint8_t> bytes(image);
  image[kSetupSects] = setup_sects;
  Put(bytes, kSyssize, 4, (kernel_size + 15) / 16 + extra_syssize);
  Put(bytes, kBootFlag, 2, 0xaa55);
  image[kJump] = 0xeb;
  image[kJump + 1] = header_end;
  std::ranges::copy(std::string_view("HdrS"), image.begin() + kMagic);
  Put(bytes, kVersion, 2, protocol);
  Put(bytes, kKernelVersion, 2, kVersionText - kSectorSize);
  image[kLoadflags] = loadflags;
  Put(bytes, kInitrdAddrMax, 4, initrd_addr_max);
  Put(bytes, kKernelAlignment, 4, alignment);
  image[kRelocatable] = relocatable;
  Put(bytes, kXloadflags, 2, xloadflags);
  Put(bytes, kCmdlineSize, 4, cmdline_size);
  Put(bytes, kPayloadOffset, 4, payload_offset == 0 ? code_size : payload_offset);
  Put(bytes, kPayloadLength, 4, payload_length == 0 ? payload.size() : payload_length);
  Put(bytes, kPrefAddress, 8, preferred_address);
  Put(bytes, kInitSize, 4, init_size);
  std::ranges::copy(version, image.begin() + kVersionText);
  return image;
}

}  // namespace sealvm
