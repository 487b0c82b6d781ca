// SPDX-License-Identifier: Apache-2.0
// What the running kernel must be: release, options, module parameter.
#include <fmt/format.h>

#include <utility>

#include "vmm/isolation/confidential/host_checks.h"

namespace sealvm::internal {
namespace {

struct KernelNeeds {
  std::pair<int, int> release;
  std::string_view module;
  std::string_view parameter;
  std::vector<std::string_view> options;
};

// Releases: KVM_SEV_INIT2 with the VM types for SEV and SEV-ES, 6.10; SNP guests, 6.11; TDX guests,
// 6.16 (Linux Documentation/virt/kvm/x86/amd-memory-encryption.rst, intel-tdx.rst, and the kernel's
// history).
KernelNeeds NeedsOf(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSev:
      return {{6, 10}, "kvm_amd", "sev", {"CONFIG_KVM_AMD_SEV"}};
    case IsolationMode::kSevEs:
      return {{6, 10}, "kvm_amd", "sev_es", {"CONFIG_KVM_AMD_SEV"}};
    case IsolationMode::kSnp:
      return {
          {6, 11},
          "kvm_amd",
          "sev_snp",
          {"CONFIG_KVM_AMD_SEV", "CONFIG_KVM_GUEST_MEMFD", "CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES"}};
    default:
      return {{6, 16},
              "kvm_intel",
              "tdx",
              {"CONFIG_INTEL_TDX_HOST", "CONFIG_KVM_INTEL_TDX", "CONFIG_KVM_GUEST_MEMFD",
               "CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES"}};
  }
}

// guest_memfd's option before Linux 6.17.
constexpr std::string_view kOldGuestMemfdOption = "CONFIG_KVM_PRIVATE_MEM";

// Debian's amd64 kernels up to 7.3 have CONFIG_KVM_AMD_SEV, the cloud flavour has not;
// CONFIG_INTEL_TDX_HOST is in neither.
std::string OptionAdvice(std::string_view option, std::string_view release) {
  const bool debian = release.find("+deb") != release.npos;
  if (debian && option.find("TDX") != option.npos) {
    return "Debian builds its kernels without it: build one with CONFIG_INTEL_TDX_HOST=y and "
           "CONFIG_KVM_INTEL_TDX=y";
  }
  if (debian && release.find("-cloud-") != release.npos) {
    return "Debian's cloud kernels lack it: install linux-image-amd64 and boot that";
  }
  return fmt::format("use a kernel with {}=y", option);
}

Prerequisite ExamineRelease(const KernelNeeds& needs, const std::string& release) {
  const auto [major, minor] = needs.release;
  std::string name = fmt::format("Linux {}.{} or newer", major, minor);
  const auto version = KernelVersionOf(release);
  if (!version) return IsUnknown(std::move(name), "the kernel's release cannot be read");
  if (*version >= needs.release) return IsMet(std::move(name), release);
  return IsMissing(Obstacle::kKernelTooOld, std::move(name), release + " is older",
                   fmt::format("boot Linux {}.{} or newer", major, minor));
}

std::vector<Prerequisite> ExamineOptions(const KernelNeeds& needs, const HostFiles& files,
                                         const std::string& release) {
  const std::optional<std::string> config = KernelConfig(files);
  std::vector<Prerequisite> found;
  for (const std::string_view option : needs.options) {
    std::string name(option);
    if (!config) {
      found.push_back(IsUnknown(std::move(name), "the kernel's configuration cannot be read"));
    } else if (HasKernelOption(*config, option) ||
               (option == "CONFIG_KVM_GUEST_MEMFD" &&
                HasKernelOption(*config, kOldGuestMemfdOption))) {
      found.push_back(IsMet(std::move(name), "set"));
    } else {
      found.push_back(IsMissing(Obstacle::kKernelOption, std::move(name), "not set in " + release,
                                OptionAdvice(option, release)));
    }
  }
  return found;
}

Prerequisite ExamineParameter(const KernelNeeds& needs, const HostFiles& files) {
  std::string name = fmt::format("{} with {}=1", needs.module, needs.parameter);
  const std::string folder = fmt::format("/sys/module/{}", needs.module);
  const auto value = files.Read(fmt::format("{}/parameters/{}", folder, needs.parameter));
  if (!value && !files.Exists(folder)) {
    return IsMissing(Obstacle::kFirmwareDisabled, std::move(name), "the module is not loaded",
                     fmt::format("modprobe {} {}=1", needs.module, needs.parameter));
  }
  if (!value) {
    return IsMissing(Obstacle::kKernelTooOld, std::move(name), "the module has no such parameter",
                     "boot a kernel whose module has it");
  }
  if (value->starts_with('Y') || value->starts_with('1')) return IsMet(std::move(name), "set");
  return IsMissing(
      Obstacle::kFirmwareDisabled, std::move(name),
      "off: by the module's option, or the module found no hardware for it",
      fmt::format("modprobe -r {0} && modprobe {0} {1}=1, or {0}.{1}=1 on the kernel's command "
                  "line; then read dmesg",
                  needs.module, needs.parameter));
}

}  // namespace

std::vector<Prerequisite> ExamineKernel(IsolationMode mode, const HostFiles& files) {
  const KernelNeeds needs = NeedsOf(mode);
  const std::string release = KernelRelease(files);
  std::vector<Prerequisite> found = {ExamineRelease(needs, release)};
  for (Prerequisite& option : ExamineOptions(needs, files, release)) {
    found.push_back(std::move(option));
  }
  found.push_back(ExamineParameter(needs, files));
  return found;
}

}  // namespace sealvm::internal
