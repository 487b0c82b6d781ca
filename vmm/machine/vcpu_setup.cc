// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpu_setup.h"

#include <array>

#include "vmm/machine/guest_cpuid.h"

namespace sealvm {
namespace {

// Intel SDM vol. 4, table 2-2.
constexpr uint32_t kMsrMiscEnable = 0x1a0;
constexpr uint64_t kMiscEnableFastString = 1u << 0;
constexpr uint32_t kMsrMtrrDefaultType = 0x2ff;
constexpr uint64_t kMtrrEnable = 1u << 11;
constexpr uint64_t kMtrrWriteBack = 6;

// IA32_APIC_BASE of a boot processor: Intel SDM vol. 3A sections 11.4.4, 11.12.1. A guest that
// finds x2APIC mode on uses MSRs and makes no MMIO access to its APIC.
constexpr uint64_t kApicAddress = 0xfee00000;
constexpr uint64_t kApicBootProcessor = 1u << 8;
constexpr uint64_t kApicEnableX2Apic = (1u << 11) | (1u << 10);

kvm_msr_entry Msr(uint32_t index, uint64_t value) {
  kvm_msr_entry entry = {};
  entry.index = index;
  entry.data = value;
  return entry;
}

kvm_segment ToKvm(const SegmentState& state) {
  kvm_segment segment = {};
  segment.base = state.base;
  segment.limit = state.limit;
  segment.selector = state.selector;
  segment.type = state.type;
  segment.present = state.present;
  segment.dpl = state.dpl;
  segment.db = state.db;
  segment.s = state.s;
  segment.l = state.l;
  segment.g = state.g;
  return segment;
}

}  // namespace

std::vector<kvm_cpuid_entry2> CpuidOf(const VcpuModel& model, uint32_t id) {
  std::vector<kvm_cpuid_entry2> cpuid =
      MakeGuestCpuid(model.supported_cpuid, {.cpus = model.cpus}, id, model.tsc_deadline);
  if (model.adjust_cpuid) model.adjust_cpuid(cpuid);
  return cpuid;
}

Result<> SetUpVcpu(kvm::Vcpu& vcpu, const VcpuModel& model) {
  SEALVM_TRY(vcpu.SetCpuid(CpuidOf(model, vcpu.id())));
  if (model.in_reset) return {};
  return vcpu.SetMsrs(std::array{Msr(kMsrMiscEnable, kMiscEnableFastString),
                                 Msr(kMsrMtrrDefaultType, kMtrrEnable | kMtrrWriteBack)});
}

Result<> SetUpEntry(kvm::Vcpu& vcpu, const EntryState& entry) {
  kvm_sregs sregs = {};
  sregs.cs = ToKvm(entry.code);
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = ToKvm(entry.data);
  sregs.tr = ToKvm(entry.task);
  sregs.ldt.unusable = 1;
  sregs.gdt.base = entry.gdt_base;
  sregs.gdt.limit = entry.gdt_limit;
  sregs.cr0 = entry.cr0;
  sregs.cr3 = entry.cr3;
  sregs.cr4 = entry.cr4;
  sregs.efer = entry.efer;
  sregs.apic_base = kApicAddress | kApicBootProcessor | kApicEnableX2Apic;
  SEALVM_TRY(vcpu.SetSregs(sregs));
  kvm_regs regs = {};
  regs.rip = entry.rip;
  regs.rsi = entry.rsi;
  regs.rbx = entry.rbx;
  regs.rdi = entry.rdi;
  regs.rsp = entry.rsp;
  regs.rflags = entry.rflags;
  return vcpu.SetRegs(regs);
}

}  // namespace sealvm
