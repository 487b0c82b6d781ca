// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/kernel_inspector.h"

#include <asm/bootparam.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "vmm/boot/kernel_image.h"
#include "vmm/boot/linux_loader.h"

namespace sealvm {
namespace {

constexpr uint64_t kScanChunk = 1 * kMiB;
constexpr size_t kMaxBanner = 256;
constexpr std::string_view kBanner = "Linux version ";

ElfKernelFacts DescribeElf(const ElfKernel& kernel) {
  ElfKernelFacts facts = {
      .entry = kernel.entry, .pvh_entry = kernel.pvh_entry, .is_linux = kernel.is_linux};
  for (const ElfSegment& segment : kernel.segments) {
    facts.segments.push_back(
        {.gpa = segment.gpa, .file_size = segment.file_size, .memory_size = segment.memory_size});
  }
  return facts;
}

// The rest of the line behind "Linux version ": a digit must follow, which the format strings that
// a kernel also holds do not have.
std::string TakeVersion(std::string_view text) {
  text = text.substr(0, text.find_first_of(std::string_view("\n\0", 2)));
  if (text.empty() || text.front() < '0' || text.front() > '9') return {};
  const bool printable = std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
  return printable ? std::string(text.substr(0, kMaxBanner)) : std::string();
}

// Looks at banners that begin in the first kScanChunk bytes: a later one may be cut off, and the
// next window has it whole.
std::string FindVersionIn(std::string_view window) {
  for (size_t at = window.find(kBanner); at < kScanChunk; at = window.find(kBanner, at + 1)) {
    std::string version = TakeVersion(window.substr(at + kBanner.size()));
    if (!version.empty()) return version;
  }
  return {};
}

// Scans a segment for the banner in windows that overlap by its greatest length.
Result<std::string> FindVersionInSegment(const ImageFile& file, const ElfSegment& segment) {
  std::vector<uint8_t> window;
  for (uint64_t done = 0; done < segment.file_size; done += kScanChunk) {
    window.resize(std::min(segment.file_size - done, kScanChunk + kMaxBanner));
    SEALVM_TRY(file.Read(segment.file_offset + done, window));
    std::string version =
        FindVersionIn({reinterpret_cast<const char*>(window.data()), window.size()});
    if (!version.empty()) return version;
  }
  return std::string();
}

Result<std::string> FindVersion(const KernelImage& image) {
  for (const ElfSegment& segment : image.elf()->segments) {
    std::string version = SEALVM_TRY(FindVersionInSegment(image.file(), segment));
    if (!version.empty()) return version;
  }
  return std::string();
}

void DescribeVmlinux(const KernelImage& image, BzImageFacts& facts) {
  const auto vmlinux = image.ExtractVmlinux();
  if (!vmlinux) {
    facts.vmlinux_error = vmlinux.error().message;
    return;
  }
  facts.vmlinux_size = vmlinux->file().size();
  if (vmlinux->elf() == nullptr) {
    facts.vmlinux_error = "the payload is no ELF file";
    return;
  }
  facts.vmlinux = DescribeElf(*vmlinux->elf());
}

Result<BzImageFacts> DescribeBzImage(const KernelImage& image) {
  const BzImage& header = *image.bzimage();
  const PayloadFormat payload = SEALVM_TRY(image.DetectPayload());
  const auto has = [&header](uint16_t flag) { return (header.xloadflags & flag) != 0; };
  BzImageFacts facts = {
      .protocol_major = static_cast<uint8_t>(header.protocol >> 8),
      .protocol_minor = static_cast<uint8_t>(header.protocol),
      .entry_64 = header.has_entry_64(),
      .loads_above_4g = header.may_load_above_4g(),
      .efi_handover_32 = has(XLF_EFI_HANDOVER_32),
      .efi_handover_64 = has(XLF_EFI_HANDOVER_64),
      .efi_kexec = has(XLF_EFI_KEXEC),
      .five_level_paging = has(XLF_5LEVEL),
      .relocatable = header.relocatable,
      .alignment = header.alignment,
      .preferred_address = header.preferred_address,
      .init_size = header.init_size,
      .cmdline_size = header.cmdline_size,
      .initrd_addr_max = header.initrd_addr_max,
      .payload_compression = std::string(PayloadFormatName(payload)),
      .payload_size = header.payload_size,
      .payload_supported = IsSupported(payload),
  };
  DescribeVmlinux(image, facts);
  return facts;
}

}  // namespace

Result<KernelFacts> InspectKernel(const std::string& path) {
  const KernelImage image = SEALVM_TRY(KernelImage::Open(path));
  KernelFacts facts = {
      .path = path, .file_size = image.file().size(), .minimum_memory = image.MemoryEnd()};
  if (const auto protocol = ChooseProtocol(image, EntryChoice::kAuto)) {
    facts.default_entry = BootProtocolName(*protocol);
  }
  if (image.bzimage() != nullptr) {
    facts.format = "bzImage";
    facts.kernel_version = image.bzimage()->kernel_version;
    facts.bzimage = SEALVM_TRY(DescribeBzImage(image));
  } else {
    facts.format = "ELF";
    facts.elf = DescribeElf(*image.elf());
    facts.kernel_version = SEALVM_TRY(FindVersion(image));
  }
  return facts;
}

}  // namespace sealvm
