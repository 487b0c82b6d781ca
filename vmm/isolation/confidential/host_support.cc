// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/confidential/host_support.h"

#include <fmt/format.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>

#include "vmm/isolation/confidential/host_checks.h"
#include "vmm/isolation/confidential/vm_type.h"

namespace sealvm {
namespace {

using internal::IsMet;
using internal::IsMissing;
using internal::IsUnknown;

// A bit of what KVM_CHECK_EXTENSION answers for a capability.
struct NeededCapability {
  int number;
  uint32_t mask;
  std::string name;
  Obstacle obstacle;
  std::string advice;
};

std::vector<NeededCapability> CapabilitiesFor(const VmType& type) {
  const bool tdx = type.number == KVM_X86_TDX_VM;
  std::vector<NeededCapability> needed;
  needed.push_back(
      {KVM_CAP_VM_TYPES, 1u << type.number,
       fmt::format("KVM_CAP_VM_TYPES bit {} ({})", type.number, type.name),
       Obstacle::kFirmwareDisabled,
       fmt::format("look into the kernel's log for what {} says of {}: dmesg | grep -i {}",
                   tdx ? "kvm_intel" : "kvm_amd", type.name, tdx ? "tdx" : "sev")});
  if (!type.private_memory) return needed;
  const auto add = [&](int number, uint32_t mask, std::string name, std::string_view option) {
    needed.push_back({number, mask, std::move(name), Obstacle::kKernelOption,
                      fmt::format("use a kernel with {}", option)});
  };
  add(KVM_CAP_EXIT_HYPERCALL, 1u << KVM_HC_MAP_GPA_RANGE,
      "KVM_CAP_EXIT_HYPERCALL bit 12 (MAP_GPA_RANGE)", "KVM's MAP_GPA_RANGE exits, 5.14 or newer");
  add(KVM_CAP_GUEST_MEMFD, ~0u, "KVM_CAP_GUEST_MEMFD",
      "CONFIG_KVM_GUEST_MEMFD (before 6.17: CONFIG_KVM_PRIVATE_MEM)");
  add(KVM_CAP_MEMORY_ATTRIBUTES, KVM_MEMORY_ATTRIBUTE_PRIVATE,
      "KVM_CAP_MEMORY_ATTRIBUTES bit 3 (PRIVATE)", "CONFIG_KVM_GENERIC_MEMORY_ATTRIBUTES");
  if (!tdx) return needed;
  add(KVM_CAP_SPLIT_IRQCHIP, ~0u, "KVM_CAP_SPLIT_IRQCHIP", "KVM's local APICs, 4.5 or newer");
  add(KVM_CAP_X86_APIC_BUS_CYCLES_NS, ~0u, "KVM_CAP_X86_APIC_BUS_CYCLES_NS",
      "a settable APIC bus, 6.11 or newer");
  return needed;
}

// What KVM offers, the VM type first.
std::vector<Prerequisite> ExamineKvm(const VmType& type, const kvm::System* system) {
  std::vector<Prerequisite> found;
  for (NeededCapability& needed : CapabilitiesFor(type)) {
    if (system == nullptr) {
      found.push_back(IsUnknown(std::move(needed.name), "KVM cannot be asked"));
      continue;
    }
    const Result<int> answer = system->CheckExtension(needed.number);
    if (!answer) {
      found.push_back(IsUnknown(std::move(needed.name), answer.error().ToString()));
    } else if ((static_cast<uint32_t>(*answer) & needed.mask) != 0) {
      found.push_back(IsMet(std::move(needed.name), "there"));
    } else {
      found.push_back(IsMissing(needed.obstacle, std::move(needed.name),
                                fmt::format("not there: KVM answers {:#x}", *answer),
                                std::move(needed.advice)));
    }
  }
  return found;
}

void Append(std::vector<Prerequisite>& list, std::vector<Prerequisite> more) {
  std::ranges::move(more, std::back_inserter(list));
}

// No module or setting helps a CPU that lacks it.
void AdviseAboutTheCpuAlone(std::vector<Prerequisite>& prerequisites) {
  if (prerequisites.front().obstacle != Obstacle::kCpuFeature) return;
  for (Prerequisite& other : prerequisites | std::views::drop(1)) other.advice.clear();
}

// What KVM's VM type rests on is there when the type is, whatever it looks like: distributions take
// features over into older kernels.
void BelieveKvm(std::vector<Prerequisite>& below) {
  for (Prerequisite& prerequisite : below) {
    if (prerequisite.met != Met::kNo) continue;
    prerequisite = IsUnknown(std::move(prerequisite.name),
                             prerequisite.found + "; KVM offers the VM type all the same");
  }
}

}  // namespace

const Prerequisite* HostSupport::FirstMissing() const {
  const auto missing = std::ranges::find(prerequisites, Met::kNo, &Prerequisite::met);
  return missing == prerequisites.end() ? nullptr : &*missing;
}

HostSupport ExamineConfidential(IsolationMode mode, const kvm::System* system,
                                const HostSource& host) {
  const std::optional<VmType> type = VmTypeOf(mode);
  if (!type) return {};
  const bool tdx = mode == IsolationMode::kTdx;
  HostSupport support;
  if (tdx) {
    support.prerequisites.push_back(internal::ExamineIntelCpu(host));
  } else {
    support.prerequisites = internal::ExamineAmdCpu(mode, host);
  }
  Append(support.prerequisites, internal::ExamineKernel(mode, host.files));
  if (tdx) support.prerequisites.push_back(internal::ExamineTdxPlatform(host.files));
  std::vector<Prerequisite> kvm = ExamineKvm(*type, system);
  if (kvm.front().met == Met::kYes) BelieveKvm(support.prerequisites);
  const Met vm_type = kvm.front().met;
  Append(support.prerequisites, std::move(kvm));
  if (tdx) {
    support.prerequisites.push_back(internal::ExamineTdxModule(host.files, vm_type));
    support.prerequisites.push_back(internal::ExamineKeyIds(host.files));
    AdviseAboutTheCpuAlone(support.prerequisites);
    return support;
  }
  const auto device =
      kvm::SevDevice::Open(system == nullptr ? kvm::Kernel::Real() : system->kernel());
  support.prerequisites.push_back(internal::ExamineSevDevice(device, host.files));
  support.prerequisites.push_back(internal::ExamineSevFirmware(mode, device));
  support.prerequisites.push_back(internal::ExamineAsids(mode, host));
  AdviseAboutTheCpuAlone(support.prerequisites);
  return support;
}

Result<> CheckHostSupport(const kvm::System& system, IsolationMode mode, const HostSource& host) {
  const std::optional<VmType> type = VmTypeOf(mode);
  if (!type) return {};
  const HostSupport asked = {ExamineKvm(*type, &system)};
  const bool needs_device = mode != IsolationMode::kTdx;
  if (asked.FirstMissing() == nullptr &&
      (!needs_device || kvm::SevDevice::Open(system.kernel()).has_value())) {
    return {};
  }
  const HostSupport support = ExamineConfidential(mode, &system, host);
  const Prerequisite* const missing = support.FirstMissing();
  // What was missing has come meanwhile.
  if (missing == nullptr) return {};
  return Refused(fmt::format("--isolation {}: this host lacks {}: {}", IsolationModeName(mode),
                             missing->name, missing->found),
                 missing->advice);
}

}  // namespace sealvm
