// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware_items.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/acpi/acpi_loader.h"
#include "vmm/boot/bzimage.h"
#include "vmm/boot/memory_map.h"

namespace sealvm {
namespace {

// Linux Documentation/arch/x86/boot.rst: sectors of the setup part without the first one, of which
// 0 means 4; and the magic of a header that says so.
constexpr uint64_t kSetupSectors = 0x1f1;
constexpr uint64_t kHeaderMagic = 0x202;
constexpr std::string_view kHeaderMagicText = "HdrS";
constexpr uint32_t kSectorSize = 512;
constexpr uint32_t kDefaultSetupSectors = 4;

constexpr size_t kE820EntrySize = 20;

// A part of a file that the machine keeps open.
class FilePart : public FwCfgSource {
 public:
  FilePart(std::shared_ptr<const ImageFile> file, uint32_t start, uint32_t size)
      : file_(std::move(file)), start_(start), size_(size) {}

  uint32_t size() const override { return size_; }
  Result<> Read(uint32_t offset, std::span<uint8_t> out) const override {
    return file_->Read(uint64_t{start_} + offset, out);
  }

 private:
  const std::shared_ptr<const ImageFile> file_;
  const uint32_t start_;
  const uint32_t size_;
};

Result<> CheckSize(const ImageFile& file) {
  if (file.size() <= kMaxFirmwareLoadSize) return {};
  return InvalidInput(fmt::format("{}: too large for firmware to load", file.name()),
                      "it takes less than 4 GiB");
}

template <size_t kSize>
Result<std::array<uint8_t, kSize>> ReadAt(const ImageFile& file, uint64_t offset) {
  std::array<uint8_t, kSize> bytes = {};
  if (file.Contains(offset, kSize)) SEALVM_TRY(file.Read(offset, bytes));
  return bytes;
}

// Bytes of a bzImage's setup part; 0 for EFI programs of other kinds, such as unified images.
Result<uint32_t> SetupSize(const ImageFile& kernel) {
  const auto magic = SEALVM_TRY(ReadAt<kHeaderMagicText.size()>(kernel, kHeaderMagic));
  if (!std::ranges::equal(magic, kHeaderMagicText)) return 0;
  const uint32_t sectors = SEALVM_TRY(ReadAt<1>(kernel, kSetupSectors))[0];
  const uint32_t size = ((sectors == 0 ? kDefaultSetupSectors : sectors) + 1) * kSectorSize;
  return size <= kernel.size() ? size : 0;
}

void AddFile(FwCfgItems& items, uint16_t size_key, uint16_t data_key,
             const std::shared_ptr<const ImageFile>& file, uint32_t start, uint32_t end) {
  items.Add32(size_key, end - start);
  items.Add(data_key, std::make_shared<FilePart>(file, start, end - start));
}

Result<> AddBootFiles(FwCfgItems& items, const FirmwareBootFiles& files,
                      const std::string& cmdline) {
  const uint32_t setup = SEALVM_TRY(SetupSize(*files.kernel));
  AddFile(items, kFwCfgSetupSize, kFwCfgSetupData, files.kernel, 0, setup);
  AddFile(items, kFwCfgKernelSize, kFwCfgKernelData, files.kernel, setup,
          static_cast<uint32_t>(files.kernel->size()));
  if (files.initrd) {
    AddFile(items, kFwCfgInitrdSize, kFwCfgInitrdData, files.initrd, 0,
            static_cast<uint32_t>(files.initrd->size()));
  }
  std::vector<uint8_t> text(cmdline.begin(), cmdline.end());
  text.push_back(0);
  items.Add32(kFwCfgCmdlineSize, static_cast<uint32_t>(text.size()));
  items.Add(kFwCfgCmdlineData, std::make_shared<FwCfgBytes>(std::move(text)));
  return {};
}

// All RAM: what lies in the first MiB is the firmware's to say. Base, size, type.
std::vector<uint8_t> E820(const GuestLayout& layout) {
  std::vector<uint8_t> bytes;
  for (const RamRange& range : layout.ram()) {
    bytes.resize(bytes.size() + kE820EntrySize);
    const std::span entry = std::span(bytes).last(kE820EntrySize);
    StoreLeAny(entry.first(8), range.base);
    StoreLeAny(entry.subspan(8, 8), range.size);
    StoreLeAny(entry.subspan(16, 4), static_cast<uint32_t>(MemoryType::kRam));
  }
  return bytes;
}

}  // namespace

Result<> CheckFirmwareBootFiles(const FirmwareBootFiles& files) {
  if (files.initrd) SEALVM_TRY(CheckSize(*files.initrd));
  if (!files.kernel) return {};
  SEALVM_TRY(CheckSize(*files.kernel));
  const auto magic = SEALVM_TRY(ReadAt<2>(*files.kernel, 0));
  const bool is_efi_program = magic == std::array<uint8_t, 2>{'M', 'Z'};
  const auto header = SEALVM_TRY(ReadAt<kHeaderMagic + kHeaderMagicText.size()>(*files.kernel, 0));
  if (is_efi_program || LooksLikeBzImage(header)) return {};
  return InvalidInput(fmt::format("{}: is neither a bzImage nor an EFI program, and firmware "
                                  "starts nothing else",
                                  files.kernel->name()),
                      "give a bzImage, as distributions ship them");
}

Result<FwCfgItems> MakeFirmwareItems(const GuestLayout& layout, const PlatformDescription& platform,
                                     const FirmwareBootFiles& files, const std::string& cmdline) {
  FwCfgItems items;
  const auto cpus = static_cast<uint16_t>(platform.apic_ids.size());
  items.Add16(kFwCfgCpus, cpus);
  items.Add16(kFwCfgMaxCpus, cpus);
  SEALVM_TRY(items.AddFile("etc/e820", E820(layout)));
  AcpiLoaderFiles acpi = SEALVM_TRY(BuildAcpiLoader(platform));
  SEALVM_TRY(items.AddFile(std::string(acpi.kTablesName), std::move(acpi.tables)));
  SEALVM_TRY(items.AddFile(std::string(acpi.kRsdpName), std::move(acpi.rsdp)));
  SEALVM_TRY(items.AddFile(std::string(acpi.kScriptName), std::move(acpi.script)));
  if (files.kernel) SEALVM_TRY(AddBootFiles(items, files, cmdline));
  return items;
}

}  // namespace sealvm
