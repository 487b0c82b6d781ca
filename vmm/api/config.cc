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
  const bool has_private_memory = config.isolation == IsolationMode::kAuto ||
                                  config.isolation == IsolationMode::kSnp ||
                                  config.isolation == IsolationMode::kTdx;
  if (config.memory_lock_limit && !has_private_memory) {
    option = "--memory-lock-limit";
  }
  if (option.empty()) return {};
  return InvalidInput(std::string(option) + " needs --isolation sealed");
}

// Debian's OVMF 2025.02 was seen to load a kernel with as much, and to crash with 128 MiB.
constexpr uint64_t kMinOvmfRam = 192 * kMiB;
// guest-fw, and what else confidential guests may have for a firmware, need less.
constexpr uint64_t kMinFirmwareRam = 64 * kMiB;

Result<> ValidateFirmware(const MachineConfig& config) {
  if (config.firmware.empty()) {
    if (config.firmware_log.empty()) return {};
    return InvalidInput("--firmware-log needs --firmware");
  }
  if (config.isolation == IsolationMode::kSealed) {
    return InvalidInput("--firmware: a sealed guest's kernel has its own loader, not a firmware",
                        "use --isolation none, or --kernel without --firmware");
  }
  if (config.kernel_protocol != KernelProtocol::kAuto) {
    return InvalidInput("--kernel-protocol: with --firmware the firmware enters the kernel");
  }
  if (config.kernel.empty() && !config.cmdline.empty()) {
    return InvalidInput("--cmdline needs --kernel",
                        "what the firmware finds on a disk has a command line of its own");
  }
  const bool is_small = IsConfidential(config.isolation) || config.firmware == kGuestFw;
  const uint64_t least = is_small ? kMinFirmwareRam : kMinOvmfRam;
  if (config.memory_bytes >= least) return {};
  return InvalidInput(
      "--memory: " + std::to_string(config.memory_bytes) + " bytes are too few for --firmware",
      "give " + std::to_string(least / kMiB) + "M or more");
}

Result<> ValidateCombinations(const MachineConfig& config) {
  SEALVM_TRY(ValidateFirmware(config));
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

bool IsConfidential(IsolationMode mode) {
  return mode == IsolationMode::kSev || mode == IsolationMode::kSevEs ||
         mode == IsolationMode::kSnp || mode == IsolationMode::kTdx;
}

std::string_view DefaultFirmware(IsolationMode mode) {
  return mode == IsolationMode::kSnp || mode == IsolationMode::kTdx ? kGuestFw : "";
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
         a.firmware_log == b.firmware_log && a.cmdline == b.cmdline &&
         a.kernel_protocol == b.kernel_protocol && a.isolation == b.isolation &&
         a.memory_bytes == b.memory_bytes && a.memory.huge_pages == b.memory.huge_pages &&
         a.memory.prefault == b.memory.prefault && a.cpus == b.cpus && a.devices == b.devices &&
         a.launch == b.launch && a.memory_provider == b.memory_provider &&
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
  SEALVM_TRY(ValidatePath("--firmware-log", config.firmware_log));
  SEALVM_TRY(ValidatePath("--dump-fdt", config.dump_fdt));
  SEALVM_TRY(ValidatePath("--id-block", config.launch.id_block));
  SEALVM_TRY(ValidatePath("--id-auth", config.launch.id_auth));
  SEALVM_TRY(ValidatePath("--certs", config.launch.certificates));
  SEALVM_TRY(ValidatePath("--sev-dh-cert", config.launch.dh_certificate));
  SEALVM_TRY(ValidatePath("--sev-session", config.launch.session));
  SEALVM_TRY(ValidatePath("--sev-measurement", config.launch.measurement_file));
  SEALVM_TRY(ValidatePath("--sev-secret", config.launch.secret_file));
  SEALVM_TRY(ValidateCmdline(config.cmdline));
  SEALVM_TRY(ValidateDevices(config.devices));
  SEALVM_TRY(ValidatePrivateMemory(config));
  SEALVM_TRY(ValidateCombinations(config));
  return ValidateLaunch(config);
}

}  // namespace sealvm
