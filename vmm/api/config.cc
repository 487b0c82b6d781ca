// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/config.h"

#include <iterator>
#include <span>

#include "vmm/api/names.h"

namespace sealvm {
namespace {

using internal::NameTable;

constexpr NameTable<IsolationMode>::Entry kIsolationModes[] = {
    {IsolationMode::kAuto, "auto"},     {IsolationMode::kNone, "none"},
    {IsolationMode::kSealed, "sealed"}, {IsolationMode::kSev, "sev"},
    {IsolationMode::kSevEs, "sev-es"},  {IsolationMode::kSnp, "snp"},
    {IsolationMode::kTdx, "tdx"},
};
constexpr NameTable<IsolationMode> kIsolationNames(kIsolationModes);

constexpr NameTable<KernelProtocol>::Entry kKernelProtocols[] = {
    {KernelProtocol::kAuto, "auto"},
    {KernelProtocol::kLinux, "linux"},
    {KernelProtocol::kPvh, "pvh"},
};
constexpr NameTable<KernelProtocol> kKernelProtocolNames(kKernelProtocols);

constexpr NameTable<MemoryProvider>::Entry kMemoryProviders[] = {
    {MemoryProvider::kAuto, "auto"},
    {MemoryProvider::kGuestMemfd, "guest_memfd"},
    {MemoryProvider::kSeal, "seal"},
    {MemoryProvider::kSwProtected, "sw-protected"},
};
constexpr NameTable<MemoryProvider> kMemoryProviderNames(kMemoryProviders);

constexpr NameTable<HugePages>::Entry kHugePageSizes[] = {
    {HugePages::kDefault, "off"},
    {HugePages::k2M, "2M"},
    {HugePages::k1G, "1G"},
};
constexpr NameTable<HugePages> kHugePagesNames(kHugePageSizes);

uint64_t BackingPageSize(HugePages huge_pages) {
  switch (huge_pages) {
    case HugePages::k2M:
      return 2 * kMiB;
    case HugePages::k1G:
      return kGiB;
    case HugePages::kDefault:
      break;
  }
  return kPageSize;
}

Result<> ValidateMemory(const MachineConfig& config) {
  const uint64_t size = config.memory_bytes;
  if (size < kMinRamSize) {
    return InvalidInput("--memory: " + std::to_string(size) + " bytes are too few",
                        "the smallest guest has 2M");
  }
  if (size > kMaxRamSize) {
    return InvalidInput("--memory: " + std::to_string(size) + " bytes are too many",
                        "the largest guest has 4T");
  }
  const uint64_t page = BackingPageSize(config.memory.huge_pages);
  if (size % page == 0) return {};
  const std::string_view unit = page == kPageSize ? "4K" : HugePagesName(config.memory.huge_pages);
  return InvalidInput("--memory: " + std::to_string(size) + " bytes are not whole pages",
                      "give a multiple of " + std::string(unit));
}

Result<> ValidatePath(std::string_view option, std::string_view path) {
  if (path.find('\0') == path.npos) return {};
  return InvalidInput(std::string(option) + ": the path contains a zero byte");
}

Result<> ValidateCmdline(std::string_view cmdline) {
  if (cmdline.find('\0') != cmdline.npos) {
    return InvalidInput("--cmdline: the command line contains a zero byte");
  }
  if (cmdline.size() <= kMaxCmdlineBytes) return {};
  return InvalidInput("--cmdline: " + std::to_string(cmdline.size()) + " bytes are too many",
                      "Linux takes at most " + std::to_string(kMaxCmdlineBytes));
}

// What only makes sense with private memory, of a machine that is to have none.
Result<> ValidatePrivateMemory(const MachineConfig& config) {
  if (config.isolation == IsolationMode::kSealed) {
    if (config.memory.huge_pages != HugePages::kDefault) {
      return InvalidInput("--hugepages: private memory has no huge pages", "use --hugepages off");
    }
    if (config.kernel_protocol == KernelProtocol::kPvh) {
      return InvalidInput("--kernel-protocol pvh: a sealed guest is entered by Linux' protocol");
    }
    return {};
  }
  std::string_view option;
  if (config.memory_provider != MemoryProvider::kAuto) option = "--memory-provider";
  if (config.page_conversions) option = "--page-conversions";
  if (!config.dump_fdt.empty()) option = "--dump-fdt";
  if (config.memory_lock_limit && config.isolation != IsolationMode::kAuto) {
    option = "--memory-lock-limit";
  }
  if (option.empty()) return {};
  return InvalidInput(std::string(option) + " needs --isolation sealed");
}

Result<> ValidateCombinations(const MachineConfig& config) {
  if (config.kernel.empty() && !config.initrd.empty()) {
    return InvalidInput("--initrd needs --kernel", "the built-in guest takes no initrd");
  }
  if (config.kernel.empty() && config.kernel_protocol != KernelProtocol::kAuto) {
    return InvalidInput("--kernel-protocol needs --kernel");
  }
  return {};
}

}  // namespace

std::string_view IsolationModeName(IsolationMode mode) { return kIsolationNames.NameOf(mode); }

Result<IsolationMode> ParseIsolationMode(std::string_view name) {
  return kIsolationNames.Parse("isolation mode", name);
}

std::string_view KernelProtocolName(KernelProtocol protocol) {
  return kKernelProtocolNames.NameOf(protocol);
}

Result<KernelProtocol> ParseKernelProtocol(std::string_view name) {
  return kKernelProtocolNames.Parse("kernel protocol", name);
}

std::string_view MemoryProviderName(MemoryProvider provider) {
  return kMemoryProviderNames.NameOf(provider);
}

Result<MemoryProvider> ParseMemoryProvider(std::string_view name) {
  return kMemoryProviderNames.Parse("memory provider", name);
}

std::string_view HugePagesName(HugePages huge_pages) { return kHugePagesNames.NameOf(huge_pages); }

Result<HugePages> ParseHugePages(std::string_view name) {
  return kHugePagesNames.Parse("huge page size", name);
}

bool operator==(const MachineConfig& a, const MachineConfig& b) {
  return a.kernel == b.kernel && a.initrd == b.initrd && a.firmware == b.firmware &&
         a.cmdline == b.cmdline && a.kernel_protocol == b.kernel_protocol &&
         a.isolation == b.isolation && a.memory_bytes == b.memory_bytes &&
         a.memory.huge_pages == b.memory.huge_pages && a.memory.prefault == b.memory.prefault &&
         a.cpus == b.cpus && a.devices == b.devices && a.memory_provider == b.memory_provider &&
         a.memory_lock_limit == b.memory_lock_limit && a.page_conversions == b.page_conversions &&
         a.dump_fdt == b.dump_fdt;
}

Result<> ValidateConfig(const MachineConfig& config) {
  SEALVM_TRY(ValidateMemory(config));
  if (config.cpus < 1 || config.cpus > kMaxVcpus) {
    return InvalidInput("--cpus " + std::to_string(config.cpus) + ": not a usable number of vCPUs",
                        "give 1 to " + std::to_string(kMaxVcpus));
  }
  SEALVM_TRY(ValidatePath("--kernel", config.kernel));
  SEALVM_TRY(ValidatePath("--initrd", config.initrd));
  SEALVM_TRY(ValidatePath("--firmware", config.firmware));
  SEALVM_TRY(ValidatePath("--dump-fdt", config.dump_fdt));
  SEALVM_TRY(ValidateCmdline(config.cmdline));
  SEALVM_TRY(ValidateDevices(config.devices));
  SEALVM_TRY(ValidatePrivateMemory(config));
  return ValidateCombinations(config);
}

}  // namespace sealvm
