// SPDX-License-Identifier: Apache-2.0
// What CPU, BIOS and security processor must have.
#include <errno.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "vmm/isolation/confidential/host_checks.h"

namespace sealvm::internal {
namespace {

// AMD64 APM vol. 3, CPUID leaf 0x8000001f: EAX bits of the features, ECX the number of encrypted
// guests, EDX the first ASID of a guest without encrypted state.
constexpr uint32_t kEncryptionLeaf = 0x8000001f;

// SNP_LAUNCH_UPDATE and its like came with this version of the firmware's interface (AMD SEV-SNP
// Firmware ABI; Linux drivers/crypto/ccp/sev-dev.c asks for it as well).
constexpr std::pair<int, int> kSnpApi = {1, 51};

struct SevFeature {
  int bit;
  std::string_view flag;
  std::string_view cpus;
};

SevFeature FeatureOf(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSev:
      return {1, "sev", "an AMD EPYC processor of the first generation (Naples) or newer"};
    case IsolationMode::kSevEs:
      return {3, "sev_es", "an AMD EPYC processor of the second generation (Rome) or newer"};
    default:
      return {4, "sev_snp", "an AMD EPYC processor of the third generation (Milan) or newer"};
  }
}

// CPUID leaf 0: the vendor's name in EBX, EDX, ECX.
std::string VendorOf(const HostSource& host) {
  const CpuidRegisters leaf = host.cpuid(0);
  const std::array<uint32_t, 3> words = {leaf.ebx, leaf.edx, leaf.ecx};
  std::string name(sizeof(words), '\0');
  std::memcpy(name.data(), words.data(), sizeof(words));
  return name;
}

// The number behind "NAME " at the start of a line of misc.capacity (Linux
// Documentation/admin-guide/cgroup-v2.rst, "Misc").
std::optional<uint64_t> MiscCapacity(const HostFiles& files, std::string_view name) {
  const std::string text = "\n" + files.Read("/sys/fs/cgroup/misc.capacity").value_or("");
  const std::string start = fmt::format("\n{} ", name);
  const size_t at = text.find(start);
  if (at == text.npos) return std::nullopt;
  uint64_t number = 0;
  const auto end =
      std::from_chars(text.data() + at + start.size(), text.data() + text.size(), number);
  if (end.ec != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<Prerequisite> ExamineAmdCpu(IsolationMode mode, const HostSource& host) {
  const SevFeature feature = FeatureOf(mode);
  std::vector<Prerequisite> found;
  std::string name = fmt::format("CPUID 8000001fh EAX bit {} ({})", feature.bit, feature.flag);
  const uint32_t features = host.cpuid(kEncryptionLeaf).eax;
  if ((features >> feature.bit & 1) == 0) {
    found.push_back(IsMissing(Obstacle::kCpuFeature, std::move(name),
                              fmt::format("not there; the CPU is of {}", VendorOf(host)),
                              fmt::format("needs {}", feature.cpus)));
  } else {
    found.push_back(IsMet(std::move(name), "there"));
  }
  // Linux hides the flag when the BIOS has not switched the feature on.
  name = fmt::format("CPU flag {} in /proc/cpuinfo", feature.flag);
  const auto cpuinfo = host.files.Read("/proc/cpuinfo");
  if (!cpuinfo) {
    found.push_back(IsUnknown(std::move(name), "/proc/cpuinfo cannot be read"));
  } else if (HasCpuFlag(*cpuinfo, feature.flag)) {
    found.push_back(IsMet(std::move(name), "there"));
  } else {
    found.push_back(IsMissing(
        Obstacle::kFirmwareDisabled, std::move(name), "not there",
        mode == IsolationMode::kSnp
            ? "switch SMEE, SEV-SNP support and RMP coverage on in the BIOS, and the IOMMU"
            : "switch SMEE and SEV on in the BIOS"));
  }
  return found;
}

Prerequisite ExamineIntelCpu(const HostSource& host) {
  const std::string vendor = VendorOf(host);
  if (vendor == "GenuineIntel") return IsMet("Intel CPU", vendor);
  return IsMissing(Obstacle::kCpuFeature, "Intel CPU", "the CPU is of " + vendor,
                   "needs an Intel Xeon processor with TDX");
}

Prerequisite ExamineTdxPlatform(const HostFiles& files) {
  // No CPUID leaf tells: Linux sees it by the key IDs that the BIOS set aside for TDX.
  std::string name = "CPU flag tdx_host_platform in /proc/cpuinfo";
  const auto cpuinfo = files.Read("/proc/cpuinfo");
  if (!cpuinfo) return IsUnknown(std::move(name), "/proc/cpuinfo cannot be read");
  if (HasCpuFlag(*cpuinfo, "tdx_host_platform")) return IsMet(std::move(name), "there");
  return IsMissing(Obstacle::kFirmwareDisabled, std::move(name), "not there",
                   "needs an Intel Xeon with TDX (fifth generation or newer, or a fourth with it); "
                   "switch TME-MT, TDX and the SEAM loader on in the BIOS");
}

Prerequisite ExamineTdxModule(const HostFiles& files, Met kvm) {
  std::string name = "TDX module";
  // Linux Documentation/ABI/testing/sysfs-devices-faux-tdx-host.
  const auto version = files.Read("/sys/devices/faux/tdx_host/version");
  const std::string text = version ? version->substr(0, version->find('\n')) : "";
  if (kvm == Met::kYes) {
    return IsMet(std::move(name), text.empty() ? "initialized; the kernel does not tell its version"
                                               : "initialized, version " + text);
  }
  if (!text.empty()) return IsMet(std::move(name), "loaded, version " + text);
  return IsUnknown(std::move(name),
                   "the kernel does not tell of one; it comes with the BIOS, or from "
                   "EFI/TDX/TDX-SEAM.so of the EFI system partition: dmesg | grep -i virt/tdx");
}

Prerequisite ExamineSevDevice(const Result<kvm::SevDevice>& device, const HostFiles& files) {
  std::string name = kvm::SevDevice::kDevice;
  if (device) return IsMet(std::move(name), "opens");
  const int err = device.error().os_error;
  std::string found = device.error().message;
  if (err != ENOENT) {
    return IsMissing(Obstacle::kNoDevicePermission, std::move(name), std::move(found),
                     "give the user access with a udev rule: KERNEL==\"sev\", GROUP=\"kvm\", "
                     "MODE=\"0660\"");
  }
  if (files.Exists("/dev/sev-guest")) {
    found += "; /dev/sev-guest is another thing: this host is itself an SNP guest";
  }
  return IsMissing(Obstacle::kNoDeviceNode, std::move(name), std::move(found),
                   "switch SEV on in the BIOS and load the driver (modprobe ccp); in a container, "
                   "pass the node in");
}

Prerequisite ExamineSevFirmware(IsolationMode mode, const Result<kvm::SevDevice>& device) {
  const bool snp = mode == IsolationMode::kSnp;
  std::string name = snp ? fmt::format("security processor's firmware, API {}.{} or newer",
                                       kSnpApi.first, kSnpApi.second)
                         : "security processor's firmware";
  if (!device) return IsUnknown(std::move(name), "cannot be asked without /dev/sev");
  const Result<kvm::SevPlatformStatus> status = device->PlatformStatus();
  if (!status) return IsUnknown(std::move(name), status.error().ToString());
  std::string found =
      fmt::format("API {}.{} build {}", status->api_major, status->api_minor, status->build);
  const std::pair<int, int> api = {status->api_major, status->api_minor};
  if (!snp || api >= kSnpApi) return IsMet(std::move(name), std::move(found));
  return IsMissing(Obstacle::kFirmwareDisabled, std::move(name), std::move(found),
                   "update the BIOS, or the SEV firmware alone (Debian's amd64-microcode)");
}

Prerequisite ExamineAsids(IsolationMode mode, const HostSource& host) {
  const bool plain = mode == IsolationMode::kSev;
  std::string name = plain ? "ASIDs for SEV guests" : "ASIDs for guests with encrypted state";
  const CpuidRegisters leaf = host.cpuid(kEncryptionLeaf);
  if (leaf.ecx == 0) return IsUnknown(std::move(name), "CPUID 8000001fh has none");
  // SEV-ES and SNP guests have those from 1 to EDX - 1, SEV guests the rest.
  const uint64_t least = std::max(leaf.edx, 1u);
  const uint64_t of_cpu = plain ? (leaf.ecx >= least ? leaf.ecx - least + 1 : 0)
                                : std::min<uint64_t>(least - 1, leaf.ecx);
  const auto of_cgroup = MiscCapacity(host.files, plain ? "sev" : "sev_es");
  std::string found = fmt::format("{} of the CPU's {}", of_cpu, leaf.ecx);
  if (of_cgroup) found += fmt::format(", {} by misc.capacity", *of_cgroup);
  if (of_cpu != 0 && of_cgroup != 0) return IsMet(std::move(name), std::move(found));
  return IsMissing(Obstacle::kFirmwareDisabled, std::move(name), std::move(found),
                   plain ? "lower 'SEV-ES ASID Space Limit' in the BIOS"
                         : "raise 'SEV-ES ASID Space Limit' in the BIOS");
}

Prerequisite ExamineKeyIds(const HostFiles& files) {
  std::string name = "key IDs for TDs";
  const auto number = MiscCapacity(files, "tdx");
  if (!number) return IsUnknown(std::move(name), "misc.capacity does not say");
  std::string found = fmt::format("{} by misc.capacity", *number);
  if (*number != 0) return IsMet(std::move(name), std::move(found));
  return IsMissing(Obstacle::kFirmwareDisabled, std::move(name), std::move(found),
                   "give TDX more key IDs in the BIOS ('TME-MT/TDX key split')");
}

}  // namespace sealvm::internal
