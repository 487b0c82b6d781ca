// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/measurement/kvm_reset_state.h"

namespace sealvm {
namespace {

// The inverse of what KVM's svm_set_segment makes of a kvm_segment.
kvm_segment ToKvm(const VmcbSegment& segment) {
  const auto bit = [&](unsigned n) { return static_cast<uint8_t>(segment.attributes >> n & 1); };
  kvm_segment kvm = {};
  kvm.base = segment.base;
  kvm.limit = segment.limit;
  kvm.selector = segment.selector;
  kvm.type = segment.attributes & 0xf;
  kvm.s = bit(4);
  kvm.dpl = segment.attributes >> 5 & 3;
  kvm.present = bit(7);
  kvm.avl = bit(8);
  kvm.l = bit(9);
  kvm.db = bit(10);
  kvm.g = bit(11);
  kvm.unusable = kvm.present == 0;
  return kvm;
}

kvm_dtable ToKvmTable(const VmcbSegment& segment) {
  kvm_dtable table = {};
  table.base = segment.base;
  table.limit = static_cast<uint16_t>(segment.limit);
  return table;
}

}  // namespace

kvm_regs KvmRegs(const VcpuResetState& state) {
  kvm_regs regs = {};
  regs.rip = state.rip;
  regs.rflags = state.rflags;
  regs.rsp = state.rsp;
  regs.rbp = state.rbp;
  regs.rsi = state.rsi;
  regs.rdx = state.rdx;
  return regs;
}

void StoreInto(const VcpuResetState& state, kvm_sregs& sregs) {
  sregs.es = ToKvm(state.es);
  sregs.cs = ToKvm(state.cs);
  sregs.ss = ToKvm(state.ss);
  sregs.ds = ToKvm(state.ds);
  sregs.fs = ToKvm(state.fs);
  sregs.gs = ToKvm(state.gs);
  sregs.ldt = ToKvm(state.ldtr);
  sregs.tr = ToKvm(state.tr);
  sregs.gdt = ToKvmTable(state.gdtr);
  sregs.idt = ToKvmTable(state.idtr);
  sregs.cr0 = state.cr0;
  sregs.cr2 = sregs.cr3 = sregs.cr4 = sregs.cr8 = 0;
  sregs.efer = 0;
}

kvm_fpu KvmFpu(const VcpuResetState& state) {
  kvm_fpu fpu = {};
  fpu.fcw = state.fcw;
  fpu.mxcsr = state.mxcsr;
  return fpu;
}

}  // namespace sealvm
