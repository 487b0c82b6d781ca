// SPDX-License-Identifier: Apache-2.0
#include "tests/kvm/guest_fixture.h"

#include "memory/memfd_provider.h"

namespace sealvm {

void GuestTest::SetUp() {
  Result<kvm::System> system = kvm::System::Open();
  if (!system) GTEST_SKIP() << system.error().ToString();
  system_.emplace(*std::move(system));
  vm_.emplace(*system_->CreateVm());
  const GuestLayout layout = *GuestLayout::Create(kRamSize);
  memory_.emplace(*GuestMemory::Create(layout, *MemfdProvider().Create(kRamSize, {})));
  const Result<> slot =
      vm_->SetUserMemoryRegion({.slot = 0,
                                .gpa = 0,
                                .size = kSlotSize,
                                .hva = memory_->HostAddressForMemslot(layout.low_ram())});
  ASSERT_TRUE(slot) << slot.error().ToString();
}

kvm::Vcpu GuestTest::LoadGuest(std::span<const uint8_t> code) {
  EXPECT_TRUE(memory_->Write(kCodeBase, code));
  kvm::Vcpu vcpu = MakeVcpu(0);
  EnterRealMode(vcpu, kCodeBase);
  return vcpu;
}

kvm::Vcpu GuestTest::MakeVcpu(uint32_t id) { return *vm_->CreateVcpu(id); }

void GuestTest::EnterRealMode(kvm::Vcpu& vcpu, uint16_t ip) {
  kvm_sregs sregs = *vcpu.GetSregs();
  for (kvm_segment* segment : {&sregs.cs, &sregs.ds, &sregs.es, &sregs.fs, &sregs.gs, &sregs.ss}) {
    segment->base = 0;
    segment->selector = 0;
  }
  ASSERT_TRUE(vcpu.SetSregs(sregs));
  kvm_regs regs = {};
  regs.rip = ip;
  regs.rsp = 0x7000;
  regs.rflags = 2;  // bit 1 always reads as one
  ASSERT_TRUE(vcpu.SetRegs(regs));
}

void GuestTest::EnterProtectedMode(kvm::Vcpu& vcpu, uint32_t eip) {
  kvm_sregs sregs = *vcpu.GetSregs();
  sregs.cr0 |= 1;  // PE
  sregs.idt = {};
  kvm_segment flat = {};
  flat.limit = 0xffffffff;
  flat.present = 1;
  flat.db = 1;
  flat.s = 1;
  flat.g = 1;
  flat.selector = 0x10;
  flat.type = 3;  // data, writable, accessed
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat;
  flat.selector = 0x8;
  flat.type = 0xb;  // code, readable, accessed
  sregs.cs = flat;
  ASSERT_TRUE(vcpu.SetSregs(sregs));
  kvm_regs regs = {};
  regs.rip = eip;
  regs.rsp = 0x7000;
  regs.rflags = 2;
  ASSERT_TRUE(vcpu.SetRegs(regs));
}

kvm::VcpuExit GuestTest::RunToExit(kvm::Vcpu& vcpu) {
  for (int i = 0; i < 1000; ++i) {
    Result<kvm::VcpuExit> exit = vcpu.Run();
    if (!exit) {
      ADD_FAILURE() << exit.error().ToString();
      return kvm::InterruptedExit{};
    }
    if (!std::holds_alternative<kvm::InterruptedExit>(*exit)) return *exit;
  }
  ADD_FAILURE() << "the vCPU was interrupted 1000 times";
  return kvm::InterruptedExit{};
}

}  // namespace sealvm
