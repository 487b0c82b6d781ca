// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/td_guest.h"

#include <fmt/format.h>
#include <linux/kvm.h>
#include <sys/mman.h>

#include <utility>

#include "memory/base/mapping.h"
#include "vmm/isolation/confidential/map_gpa_range.h"
#include "vmm/isolation/tdx/td_cpuid.h"

namespace sealvm::tdx {
namespace {

// Routes of the I/O APIC that is not there; KVM reserves as many GSIs for it.
constexpr uint64_t kIoApicPins = 24;
// One tick of the APIC's bus: the module's timer runs at the 25 MHz of its crystal (Linux
// Documentation/virt/kvm/x86/intel-tdx.rst).
constexpr uint64_t kApicBusCycle = 40;  // ns
// The module counts a TD's TSC frequency in units of 25 MHz, from 4 to 400 of them (Intel TDX
// Module ABI, TD_PARAMS.TSC_FREQUENCY).
constexpr uint32_t kTscUnit = 25'000;  // kHz
constexpr uint32_t kMinTscUnits = 4;
constexpr uint32_t kMaxTscUnits = 400;

}  // namespace

TdGuest::TdGuest(Options options, LaunchPlan plan, kvm::Vm& vm, Logger logger)
    : options_(std::move(options)),
      plan_(std::move(plan)),
      vm_(vm),
      logger_(std::move(logger)),
      commands_(vm_) {}

void TdGuest::AdjustCpuid(std::vector<kvm_cpuid_entry2>& cpuid) const { ApplyTdFace(cpuid); }

Result<> TdGuest::SetTsc() {
  const uint32_t units = SEALVM_TRY(vm_.TscKhz()) / kTscUnit;
  if (units < kMinTscUnits || units > kMaxTscUnits) {
    return HostError(fmt::format("a TD cannot have a TSC of {} kHz", units * kTscUnit),
                     "TDX allows 100 MHz to 10 GHz");
  }
  return vm_.SetTscKhz(units * kTscUnit);
}

Result<> TdGuest::InitVm(std::span<const kvm_cpuid_entry2> cpuid) {
  const int max_vcpus = SEALVM_TRY(vm_.CheckExtension(KVM_CAP_MAX_VCPUS));
  if (options_.cpus > static_cast<uint32_t>(max_vcpus)) {
    return InvalidInput(
        fmt::format("--cpus {}: a TD on this host has at most {}", options_.cpus, max_vcpus),
        "lower --cpus");
  }
  const TdCapabilities capabilities = SEALVM_TRY(commands_.Capabilities());
  if (const uint64_t missing = options_.attributes & ~capabilities.attributes; missing != 0) {
    return Refused(fmt::format("this host's TDX cannot give a TD the attributes {:#x}", missing));
  }
  SEALVM_TRY(EnableMapGpaRange(vm_));
  SEALVM_TRY(SetTsc());
  TdParams params;
  params.attributes = options_.attributes;
  params.xfam = XfamOf(cpuid) & capabilities.xfam;
  params.mr_config_id = options_.mr_config_id;
  params.mr_owner = options_.mr_owner;
  params.mr_owner_config = options_.mr_owner_config;
  params.cpuid = SEALVM_TRY(ChooseTdCpuid(cpuid, capabilities.cpuid));
  return commands_.InitVm(params);
}

Result<> TdGuest::CreateInterruptControllers() {
  SEALVM_TRY(vm_.EnableCap(KVM_CAP_SPLIT_IRQCHIP, kIoApicPins));
  return vm_.EnableCap(KVM_CAP_X86_APIC_BUS_CYCLES_NS, kApicBusCycle);
}

Result<> TdGuest::CreateMemory() {
  ram_ = SEALVM_TRY(PrivateRam::Create(options_.memory, vm_));
  return {};
}

Result<> TdGuest::AddVcpu(kvm::Vcpu& vcpu, std::span<const kvm_cpuid_entry2> cpuid) {
  std::vector<kvm_cpuid_entry2> table(cpuid.begin(), cpuid.end());
  AdoptModuleCpuid(table, SEALVM_TRY(commands_.Cpuid(vcpu)));
  // Before INIT_VCPU, which switches to an x2APIC where CPUID has one and fails where not (Linux
  // arch/x86/kvm/vmx/tdx.c, tdx_vcpu_init).
  SEALVM_TRY(vcpu.SetCpuid(table));
  return commands_.InitVcpu(vcpu, options_.hob);
}

Result<> TdGuest::AddRegion(kvm::Vcpu& vcpu, const LaunchStep& step, bool measure) {
  if (!step.content.empty()) {
    return commands_.InitMemoryRegion(vcpu, step.gpa, step.content, measure);
  }
  // The kernel wants something to copy.
  const Mapping zeros = SEALVM_TRY(
      Mapping::Create(step.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, step.what));
  return commands_.InitMemoryRegion(vcpu, step.gpa, {zeros.data(), zeros.size()}, measure);
}

Result<> TdGuest::Launch(std::span<kvm::Vcpu* const> vcpus) {
  if (vcpus.empty()) return HostError("a TD without a vCPU");
  for (const LaunchStep& step : plan_.steps()) {
    const bool measure = step.kind == LaunchStepKind::kTdxAddExtend;
    if (!measure && step.kind != LaunchStepKind::kTdxAdd) continue;
    SEALVM_TRY(AddRegion(*vcpus.front(), step, measure));
  }
  SEALVM_TRY(commands_.Finalize());
  logger_.Log(LogLevel::kDebug, "the TD's launch is finished");
  return {};
}

}  // namespace sealvm::tdx
