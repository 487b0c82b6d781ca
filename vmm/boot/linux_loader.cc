// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/linux_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "vmm/boot/memory_map.h"
#include "vmm/boot/page_tables.h"
#include "vmm/boot/pvh_start_info.h"

namespace sealvm {
namespace {

uint64_t RoundUpToMiB(uint64_t bytes) { return bytes / kMiB + (bytes % kMiB != 0 ? 1 : 0); }

std::span<const uint8_t> AsBytes(const std::string& text) {
  // With the terminating NUL.
  return {reinterpret_cast<const uint8_t*>(text.c_str()), text.size() + 1};
}

class Loader {
 public:
  Loader(GuestMemory& memory, const BootSources& sources, BootProtocol protocol)
      : memory_(memory),
        layout_(memory.layout()),
        sources_(sources),
        kernel_(*sources.kernel),
        protocol_(protocol),
        placement_(layout_) {}

  Result<BootState> Load() {
    SEALVM_TRY(PutCpuTables());
    SEALVM_TRY(PutAcpiTables());
    SEALVM_TRY(PutCmdline());
    SEALVM_TRY(PutSetupData());
    SEALVM_TRY(TakeBootInfo());
    SEALVM_TRY(CheckKernelFits());
    const Gpa entry = SEALVM_TRY(kernel_.bzimage() != nullptr ? LoadBzImage(*kernel_.bzimage())
                                                              : LoadElf(*kernel_.elf()));
    SEALVM_TRY(LoadInitrd());
    SEALVM_TRY(PutBootInfo());
    const auto regions = placement_.regions();
    return BootState{.entry = MakeEntry(entry), .regions = {regions.begin(), regions.end()}};
  }

 private:
  bool linux64() const { return protocol_ == BootProtocol::kLinux64; }

  EntryState MakeEntry(Gpa entry) const {
    return linux64() ? MakeLinux64Entry(sources_.layout, entry, sources_.encryption_mask)
                     : MakePvhEntry(sources_.layout, entry);
  }

  Result<> Put(std::string name, Gpa gpa, std::span<const uint8_t> bytes) {
    SEALVM_TRY(placement_.Take(std::move(name), gpa, bytes.size()));
    return memory_.Write(gpa, bytes);
  }

  Result<> PutCpuTables() {
    SEALVM_TRY(Put("GDT", sources_.layout.gdt, BuildBootGdt(linux64())));
    if (!linux64()) return {};
    return Put("page tables", sources_.layout.page_tables,
               BuildIdentityPageTables(sources_.layout.page_tables, sources_.encryption_mask));
  }

  Result<> PutAcpiTables() {
    if (sources_.acpi_tables.empty()) return {};
    if (sources_.acpi_tables.size() > kAcpiAreaSize) {
      return HostError(fmt::format("ACPI tables of {} bytes do not fit into {}",
                                   sources_.acpi_tables.size(), kAcpiAreaSize));
    }
    return Put("ACPI tables", sources_.layout.acpi, sources_.acpi_tables);
  }

  Result<> PutCmdline() {
    const std::string& cmdline = sources_.cmdline;
    if (cmdline.find('\0') != std::string::npos) {
      return InvalidInput("--cmdline: contains a NUL byte");
    }
    const uint64_t kernel_limit =
        kernel_.bzimage() != nullptr ? kernel_.bzimage()->cmdline_size : kElfCmdlineSize;
    const uint64_t limit = std::min(kernel_limit, kCmdlineAreaSize - 1);
    if (cmdline.size() > limit) {
      return InvalidInput(fmt::format("--cmdline: {} bytes, but {} takes at most {}",
                                      cmdline.size(), kernel_.name(), limit));
    }
    return Put("command line", sources_.layout.cmdline, AsBytes(cmdline));
  }

  Result<> PutSetupData() {
    if (sources_.setup_data.empty() || !linux64()) return {};
    const auto chain = BuildSetupData(sources_.setup_data, sources_.layout.setup_data);
    if (chain.size() > kSetupDataAreaSize) {
      return HostError(fmt::format("setup_data of {} bytes does not fit into {}", chain.size(),
                                   kSetupDataAreaSize));
    }
    return Put("setup_data", sources_.layout.setup_data, chain);
  }

  // Taken before the kernel and written last, when all addresses are known.
  Result<> TakeBootInfo() {
    return linux64()
               ? placement_.Take("boot_params", sources_.layout.zero_page, kZeroPageSize)
               : placement_.Take("start_info", sources_.layout.start_info, kStartInfoAreaSize);
  }

  Result<> CheckKernelFits() const {
    const Gpa end = kernel_.MemoryEnd();
    const Gpa ram_end = layout_.low_ram().end();
    if (end <= ram_end) return {};
    if (end > kLowRamEnd) {
      return InvalidInput(fmt::format("{}: wants to lie at addresses up to {:#x}, above {:#x}",
                                      kernel_.name(), end, kLowRamEnd));
    }
    const uint64_t needed = RoundUpToMiB(end);
    return InvalidInput(fmt::format("{}: needs {} MiB of guest memory, but --memory gives {} MiB",
                                    kernel_.name(), needed, layout_.ram_size() / kMiB),
                        fmt::format("use --memory {}M or more", needed));
  }

  // A file name in front of what Placement says.
  Result<> TakeForKernel(std::string name, Gpa gpa, uint64_t size) {
    auto taken = placement_.Take(std::move(name), gpa, size);
    if (!taken) return WithContext(std::move(taken).error(), kernel_.name());
    return {};
  }

  // A relocatable kernel could start anywhere at its alignment, but the decompressor moves up to
  // the preferred address whatever happens (arch/x86/boot/compressed/head_64.S), so it goes there
  // at once.
  Result<Gpa> LoadBzImage(const BzImage& image) {
    const Gpa load = image.preferred_address;
    SEALVM_TRY(TakeForKernel("kernel", load, kernel_.MemoryEnd() - load));
    SEALVM_TRY(kernel_.file().LoadInto(memory_, load, image.kernel_offset, image.kernel_size));
    load_address_ = load;
    return load + kBzImageEntry64Offset;
  }

  Result<Gpa> LoadElf(const ElfKernel& kernel) {
    const Gpa entry = linux64() ? kernel.entry : *kernel.pvh_entry;
    if (!kernel.Covers(entry)) {
      return InvalidInput(fmt::format("{}: the entry point {:#x} lies outside of its segments",
                                      kernel_.name(), entry));
    }
    for (const ElfSegment& segment : kernel.segments) {
      SEALVM_TRY(TakeForKernel("kernel segment", segment.gpa, segment.memory_size));
      if (segment.file_size == 0) continue;
      SEALVM_TRY(
          kernel_.file().LoadInto(memory_, segment.gpa, segment.file_offset, segment.file_size));
    }
    load_address_ = kernel.segments.front().gpa;
    return entry;
  }

  // boot.rst, initrd_addr_max: the highest address that the initrd may occupy.
  Gpa InitrdLimit() const {
    const BzImage* image = kernel_.bzimage();
    return image == nullptr || image->initrd_addr_max == 0 ? kLowRamEnd
                                                           : image->initrd_addr_max + 1;
  }

  bool InitrdMayLieHigh() const {
    if (!linux64()) return false;
    return kernel_.bzimage() == nullptr || kernel_.bzimage()->may_load_above_4g();
  }

  std::optional<Gpa> FindInitrdPlace(uint64_t size) const {
    if (const auto low = placement_.FindHighest(layout_.low_ram(), size, InitrdLimit())) return low;
    if (layout_.ram().size() < 2 || !InitrdMayLieHigh()) return std::nullopt;
    return placement_.FindHighest(layout_.ram().back(), size, layout_.ram_end());
  }

  Result<> LoadInitrd() {
    if (sources_.initrd == nullptr) return {};
    const ImageFile& file = *sources_.initrd;
    if (file.size() == 0) return InvalidInput(fmt::format("{}: is empty", file.name()));
    const auto gpa = FindInitrdPlace(file.size());
    if (!gpa) return InitrdDoesNotFit(file);
    SEALVM_TRY(placement_.Take("initrd", *gpa, file.size()));
    SEALVM_TRY(file.LoadInto(memory_, *gpa, 0, file.size()));
    initrd_ = *gpa;
    return {};
  }

  std::unexpected<Error> InitrdDoesNotFit(const ImageFile& file) const {
    const uint64_t needed = RoundUpToMiB(kernel_.MemoryEnd()) + RoundUpToMiB(file.size());
    const bool more_memory_helps = needed * kMiB <= std::min(InitrdLimit(), kLowRamEnd);
    return InvalidInput(
        fmt::format("{}: {} bytes do not fit into the guest's memory beside the kernel, which ends "
                    "at {:#x}; --memory gives {} MiB",
                    file.name(), file.size(), kernel_.MemoryEnd(), layout_.ram_size() / kMiB),
        more_memory_helps ? fmt::format("use --memory {}M or more", needed)
                          : "use a smaller initrd");
  }

  uint64_t initrd_size() const { return sources_.initrd != nullptr ? sources_.initrd->size() : 0; }

  Result<> PutBootInfo() {
    const auto map = BuildMemoryMap(layout_);
    const Gpa rsdp = sources_.acpi_tables.empty() ? 0 : sources_.layout.acpi;
    if (!linux64()) {
      const auto info = SEALVM_TRY(BuildPvhStartInfo({.base = sources_.layout.start_info,
                                                      .cmdline = sources_.layout.cmdline,
                                                      .initrd = initrd_,
                                                      .initrd_size = initrd_size(),
                                                      .rsdp = rsdp,
                                                      .memory_map = map}));
      return memory_.Write(sources_.layout.start_info, info);
    }
    BootParamsInputs inputs = {.kernel = load_address_,
                               .cmdline = sources_.layout.cmdline,
                               .initrd = initrd_,
                               .initrd_size = initrd_size(),
                               .rsdp = rsdp,
                               .memory_map = map};
    if (kernel_.bzimage() != nullptr) inputs.setup_header = kernel_.bzimage()->setup_header;
    if (!sources_.setup_data.empty()) inputs.setup_data = sources_.layout.setup_data;
    return memory_.Write(sources_.layout.zero_page, SEALVM_TRY(BuildBootParams(inputs)));
  }

  GuestMemory& memory_;
  const GuestLayout& layout_;
  const BootSources& sources_;
  const KernelImage& kernel_;
  BootProtocol protocol_;
  Placement placement_;
  Gpa load_address_ = 0;
  Gpa initrd_ = 0;
};

Result<BootProtocol> ChooseForBzImage(const KernelImage& kernel, EntryChoice choice) {
  if (choice == EntryChoice::kPvh) {
    return InvalidInput(fmt::format("{}: a bzImage has no PVH entry", kernel.name()),
                        "unpack its vmlinux or use the 64-bit entry");
  }
  if (!kernel.bzimage()->has_entry_64()) {
    return InvalidInput(
        fmt::format("{}: has no 64-bit entry point (XLF_KERNEL_64 is not set)", kernel.name()),
        "use a kernel built for x86-64");
  }
  return BootProtocol::kLinux64;
}

Result<BootProtocol> ChooseForElf(const KernelImage& kernel, EntryChoice choice) {
  const ElfKernel& elf = *kernel.elf();
  if (choice == EntryChoice::kPvh && !elf.pvh_entry) {
    return InvalidInput(
        fmt::format("{}: has no PVH entry (no XEN_ELFNOTE_PHYS32_ENTRY)", kernel.name()),
        "build it with CONFIG_PVH=y or use the 64-bit entry");
  }
  const bool pvh_by_default = elf.pvh_entry.has_value() && !elf.is_linux;
  if (choice == EntryChoice::kPvh || (choice == EntryChoice::kAuto && pvh_by_default)) {
    return BootProtocol::kPvh32;
  }
  return BootProtocol::kLinux64;
}

}  // namespace

Result<BootProtocol> ChooseProtocol(const KernelImage& kernel, EntryChoice choice) {
  return kernel.bzimage() != nullptr ? ChooseForBzImage(kernel, choice)
                                     : ChooseForElf(kernel, choice);
}

Result<BootState> LoadGuest(GuestMemory& memory, const BootSources& sources) {
  const BootProtocol protocol = SEALVM_TRY(ChooseProtocol(*sources.kernel, sources.entry));
  return Loader(memory, sources, protocol).Load();
}

}  // namespace sealvm
