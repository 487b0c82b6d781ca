// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/boot/file_kind.h"

namespace sealvm {
namespace {

// Covers the setup header's magic and every magic number that DescribeFileStart knows.
constexpr size_t kStartSize = 1024;

}  // namespace

Result<KernelImage> KernelImage::Open(const std::string& path, std::string_view option) {
  return FromFile(SEALVM_TRY(ImageFile::Open(path, option)));
}

Result<KernelImage> KernelImage::FromBytes(std::string name, std::span<const uint8_t> bytes) {
  return FromFile(ImageFile::FromBytes(std::move(name), bytes));
}

Result<KernelImage> KernelImage::FromFile(ImageFile file) {
  std::array<uint8_t, kStartSize> buffer = {};
  const auto start = std::span(buffer).first(std::min<uint64_t>(file.size(), buffer.size()));
  SEALVM_TRY(file.Read(0, start));
  if (LooksLikeBzImage(start)) {
    BzImage headers = SEALVM_TRY(ParseBzImage(file));
    return KernelImage(std::move(file), std::move(headers));
  }
  if (LooksLikeElf(start)) {
    ElfKernel headers = SEALVM_TRY(ParseElfKernel(file));
    return KernelImage(std::move(file), std::move(headers));
  }
  return InvalidInput(
      fmt::format("{}: {}, not a Linux kernel for x86-64", file.name(), DescribeFileStart(start)),
      "give a bzImage (vmlinuz) or an ELF vmlinux");
}

Gpa KernelImage::MemoryEnd() const {
  if (const ElfKernel* kernel = elf()) return kernel->segments.back().end();
  return bzimage()->preferred_address + std::max(bzimage()->init_size, bzimage()->kernel_size);
}

Result<PayloadFormat> KernelImage::DetectPayload() const {
  const BzImage* image = bzimage();
  if (image == nullptr || image->payload_size == 0) return PayloadFormat::kUnknown;
  std::array<uint8_t, 6> start = {};
  const auto known = std::span(start).first(std::min<uint64_t>(image->payload_size, start.size()));
  SEALVM_TRY(file_.Read(image->payload_offset, known));
  return DetectPayloadFormat(known);
}

Result<KernelImage> KernelImage::ExtractVmlinux(uint64_t limit) const {
  const BzImage* image = bzimage();
  if (image == nullptr) return InvalidInput(fmt::format("{}: is no bzImage", name()));
  if (image->payload_size == 0) {
    return InvalidInput(fmt::format("{}: the bzImage does not say where its payload is", name()));
  }
  std::vector<uint8_t> bytes =
      SEALVM_TRY(DecompressPayload(file_, image->payload_offset, image->payload_size, limit));
  if (!LooksLikeElf(bytes)) {
    return InvalidInput(fmt::format("{}: the payload is no ELF file", name()));
  }
  return FromFile(ImageFile::FromBuffer(fmt::format("{} (unpacked)", name()), std::move(bytes)));
}

}  // namespace sealvm
