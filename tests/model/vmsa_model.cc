// SPDX-License-Identifier: Apache-2.0
#include "tests/model/vmsa_model.h"

#include <string.h>

namespace sealvm::model {
namespace {

class Vmsa {
 public:
  template <typename T>
  void Put(size_t offset, T value) {
    memcpy(page_.data() + offset, &value, sizeof(value));
  }

  void PutSegment(size_t offset, const kvm_segment& segment) {
    unsigned attributes = segment.type;
    attributes |= segment.s << 4 | segment.dpl << 5;
    if (segment.unusable == 0) attributes |= (segment.present & 1u) << 7;
    attributes |= segment.avl << 8 | segment.l << 9 | segment.db << 10 | segment.g << 11;
    Put<uint16_t>(offset, segment.selector);
    Put<uint16_t>(offset + 2, static_cast<uint16_t>(attributes));
    Put<uint32_t>(offset + 4, segment.limit);
    Put<uint64_t>(offset + 8, segment.base);
  }

  void PutTable(size_t offset, const kvm_dtable& table) {
    Put<uint32_t>(offset + 4, table.limit);
    Put<uint64_t>(offset + 8, table.base);
  }

  std::vector<uint8_t> page_ = std::vector<uint8_t>(4096);
};

}  // namespace

std::vector<uint8_t> MakeVmsa(const VcpuModel& vcpu, uint64_t sev_features) {
  const kvm_sregs& sregs = vcpu.sregs;
  const kvm_regs& regs = vcpu.regs;
  Vmsa vmsa;
  vmsa.PutSegment(0x00, sregs.es);
  vmsa.PutSegment(0x10, sregs.cs);
  vmsa.PutSegment(0x20, sregs.ss);
  vmsa.PutSegment(0x30, sregs.ds);
  vmsa.PutSegment(0x40, sregs.fs);
  vmsa.PutSegment(0x50, sregs.gs);
  vmsa.PutTable(0x60, sregs.gdt);
  vmsa.PutSegment(0x70, sregs.ldt);
  vmsa.PutTable(0x80, sregs.idt);
  vmsa.PutSegment(0x90, sregs.tr);
  vmsa.Put<uint64_t>(0xd0, sregs.efer | 0x1000);  // SVME
  vmsa.Put<uint64_t>(0x148, sregs.cr4 | 0x40);    // the host's MCE
  vmsa.Put<uint64_t>(0x150, sregs.cr3);
  // KVM takes CD and NW out (KVM_X86_QUIRK_CD_NW_CLEARED).
  vmsa.Put<uint64_t>(0x158, sregs.cr0 & ~uint64_t{0x60000000});
  vmsa.Put<uint64_t>(0x160, 0x400);       // DR7
  vmsa.Put<uint64_t>(0x168, 0xffff0ff0);  // DR6
  vmsa.Put<uint64_t>(0x170, regs.rflags);
  vmsa.Put<uint64_t>(0x178, regs.rip);
  vmsa.Put<uint64_t>(0x1d8, regs.rsp);
  vmsa.Put<uint64_t>(0x1f8, regs.rax);
  vmsa.Put<uint64_t>(0x240, sregs.cr2);
  vmsa.Put<uint64_t>(0x268, 0x0007040600070406);  // PAT
  vmsa.Put<uint64_t>(0x308, regs.rcx);
  vmsa.Put<uint64_t>(0x310, regs.rdx);
  vmsa.Put<uint64_t>(0x318, regs.rbx);
  vmsa.Put<uint64_t>(0x328, regs.rbp);
  vmsa.Put<uint64_t>(0x330, regs.rsi);
  vmsa.Put<uint64_t>(0x338, regs.rdi);
  vmsa.Put<uint64_t>(0x340, regs.r8);
  vmsa.Put<uint64_t>(0x348, regs.r9);
  vmsa.Put<uint64_t>(0x350, regs.r10);
  vmsa.Put<uint64_t>(0x358, regs.r11);
  vmsa.Put<uint64_t>(0x360, regs.r12);
  vmsa.Put<uint64_t>(0x368, regs.r13);
  vmsa.Put<uint64_t>(0x370, regs.r14);
  vmsa.Put<uint64_t>(0x378, regs.r15);
  vmsa.Put<uint64_t>(0x3b0, sev_features);
  vmsa.Put<uint64_t>(0x3e8, 1);  // XCR0
  vmsa.Put<uint32_t>(0x408, vcpu.fpu.mxcsr);
  vmsa.Put<uint16_t>(0x410, vcpu.fpu.fcw);
  return std::move(vmsa.page_);
}

}  // namespace sealvm::model
