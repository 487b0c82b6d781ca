// SPDX-License-Identifier: Apache-2.0
// What KVM and the module refuse of TDs.
#include <optional>

#include "tests/model/state_fixture.h"
#include "tests/model/tdx_model.h"

namespace sealvm::model {
namespace {

class TdxStateTest : public StateMachineTest {
 protected:
  void SetUp() override {
    kvm_cpuid_entry2 sizes = {};
    sizes.function = 0x80000008;
    sizes.eax = 0xff0000;
    kvm_->host().td_cpuid = {sizes};
    kvm_->host().tsc_khz = 2'000'000;
    Create(KVM_X86_TDX_VM);
  }
  struct InitVm {
    kvm_tdx_init_vm vm = {};
    kvm_cpuid_entry2 entry = {};
  };
  static InitVm Params() {
    InitVm init;
    init.vm.cpuid.nent = 1;
    init.entry.function = 0x80000008;
    init.entry.eax = 48u << 16;
    return init;
  }
  template <typename Data>
  Answer Td(uint32_t id, Data data, uint32_t flags = 0) {
    const kvm::TdxOutcome outcome = vm_->TdxCommand(id, flags, &data);
    return {outcome.os_error, outcome.module_status};
  }
  Answer Init() { return Td(KVM_TDX_INIT_VM, Params()); }
  Answer Finalize() {
    const kvm::TdxOutcome outcome = vm_->TdxCommand(KVM_TDX_FINALIZE_VM, 0, nullptr);
    return {outcome.os_error, outcome.module_status};
  }
  void MakeVcpu(uint32_t leaf1_ecx = 1u << 21) {
    ASSERT_TRUE(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 24));
    vcpu_.emplace(*vm_->CreateVcpu(0));
    SetCpuid(leaf1_ecx);
  }
  void SetCpuid(uint32_t leaf1_ecx) {
    kvm_cpuid_entry2 leaf = {};
    leaf.function = 1;
    leaf.ecx = leaf1_ecx;
    ASSERT_TRUE(vcpu_->SetCpuid({&leaf, 1}));
  }
  Answer InitVcpu() {
    const kvm::TdxOutcome outcome = vcpu_->TdxCommand(KVM_TDX_INIT_VCPU, 0, 0x809000);
    return {outcome.os_error, outcome.module_status};
  }
  Answer Add(kvm_tdx_init_mem_region region, uint32_t flags = 1) {
    const kvm::TdxOutcome outcome =
        vcpu_->TdxCommand(KVM_TDX_INIT_MEM_REGION, flags, reinterpret_cast<uint64_t>(&region));
    return {outcome.os_error, outcome.module_status};
  }
  kvm_tdx_init_mem_region OnePage() {
    return {.source_addr = reinterpret_cast<uint64_t>(&page_), .gpa = 0, .nr_pages = 1};
  }
  std::optional<kvm::Vcpu> vcpu_;
};

TEST_F(TdxStateTest, InitIsChecked) {
  InitVm init = Params();
  init.vm.attributes = 1;  // DEBUG
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), Kvm(EINVAL));
  init = Params();
  init.vm.xfam = 1ull << 40;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), Kvm(EINVAL));
  init = Params();
  init.vm.reserved[3] = 1;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), Kvm(EINVAL));
  init = Params();
  init.entry.eax = 40u << 16;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), Kvm(EINVAL));
  init = Params();
  init.entry.function = 7;
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), Kvm(EINVAL));  // a leaf that cannot be chosen
  init = Params();
  init.entry.eax |= 1;  // and a bit, which is the module's to refuse
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, init), (Answer{EINVAL, 0xc000010000000000}));
  EXPECT_EQ(Td(KVM_TDX_INIT_VM, Params(), 1), Kvm(EINVAL));
  EXPECT_EQ(Init(), Answer());
  EXPECT_EQ(Init(), Kvm(EINVAL));
}

TEST_F(TdxStateTest, TheModuleTakesATscOf100MegahertzTo10Gigahertz) {
  for (const uint32_t khz : {75'000u, 99'999u, 10'025'000u}) {
    ASSERT_TRUE(vm_->SetTscKhz(khz));
    EXPECT_EQ(Init(), (Answer{EINVAL, 0xc000010000000000})) << khz;
  }
  ASSERT_TRUE(vm_->SetTscKhz(100'000));
  EXPECT_EQ(Init(), Answer());
}

TEST_F(TdxStateTest, InitComesBeforeTheVcpus) {
  ASSERT_EQ(Init(), Answer());
  MakeVcpu();
  EXPECT_EQ(Init(), Kvm(EINVAL));
}

TEST_F(TdxStateTest, AVcpuWithoutAnX2ApicInItsCpuidIsRefused) {
  ASSERT_EQ(Init(), Answer());
  MakeVcpu(0);
  EXPECT_EQ(InitVcpu(), Kvm(EINVAL));
  SetCpuid(1u << 21);
  EXPECT_EQ(InitVcpu(), Answer());
}

TEST_F(TdxStateTest, RegistersAreTheModules) {
  ASSERT_EQ(Init(), Answer());
  MakeVcpu();
  const auto expect_out_of_reach = [&] {
    EXPECT_EQ(vcpu_->GetRegs().error().os_error, EINVAL);
    EXPECT_EQ(Of(vcpu_->SetRegs({})), Kvm(EINVAL));
    EXPECT_EQ(vcpu_->GetSregs().error().os_error, EINVAL);
    EXPECT_EQ(Of(vcpu_->SetSregs({})), Kvm(EINVAL));
  };
  expect_out_of_reach();
  ASSERT_EQ(InitVcpu(), Answer());
  ASSERT_EQ(Finalize(), Answer());
  expect_out_of_reach();
}

TEST_F(TdxStateTest, VcpusNeedATdAndASplitIrqchip) {
  EXPECT_EQ(vm_->CreateVcpu(0).error().os_error, EIO);
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(vm_->CreateVcpu(0).error().os_error, EINVAL);
  EXPECT_EQ(vm_->CreateIrqchip().error().os_error, EINVAL);
  MakeVcpu();
  EXPECT_EQ(vm_->CreateVcpu(0).error().os_error, EEXIST);
}

TEST_F(TdxStateTest, CapabilitiesSayHowMuchRoomTheyWant) {
  kvm_tdx_capabilities capabilities = {};
  const kvm::TdxOutcome outcome = vm_->TdxCommand(KVM_TDX_CAPABILITIES, 0, &capabilities);
  EXPECT_EQ(outcome.os_error, E2BIG);
  EXPECT_EQ(capabilities.cpuid.nent, 1u);
}

TEST_F(TdxStateTest, RegionsAreChecked) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(2 * kPage);
  ASSERT_TRUE(vm_->SetMemoryPrivate(kPage, kPage, false));
  MakeVcpu();
  EXPECT_EQ(Add(OnePage()), Kvm(EINVAL));  // before INIT_VCPU
  ASSERT_EQ(InitVcpu(), Answer());
  EXPECT_EQ(InitVcpu(), Kvm(EINVAL));
  kvm_tdx_init_mem_region region = OnePage();
  region.source_addr += 16;
  EXPECT_EQ(Add(region), Kvm(EINVAL));
  region.source_addr = 0;
  EXPECT_EQ(Add(region), Kvm(EINVAL));
  region = OnePage();
  region.nr_pages = 0;
  EXPECT_EQ(Add(region), Kvm(EINVAL));
  region = OnePage();
  region.gpa = 1ull << 47;  // the shared bit
  EXPECT_EQ(Add(region), Kvm(EINVAL));
  region.gpa = kPage;  // not private
  EXPECT_EQ(Add(region), Kvm(EINVAL));
  EXPECT_EQ(Add(OnePage(), 2), Kvm(EINVAL));
  EXPECT_EQ(Add(OnePage()), Answer());
  EXPECT_EQ(Add(OnePage()), Kvm(EEXIST));  // twice
}

TEST_F(TdxStateTest, ATdIsFinalizedOnceAndThenHasItsMemory) {
  EXPECT_EQ(Finalize(), Kvm(EINVAL));
  ASSERT_EQ(Init(), Answer());
  BindPrivate(kPage);
  MakeVcpu();
  ASSERT_EQ(InitVcpu(), Answer());
  ASSERT_EQ(Finalize(), Answer());
  EXPECT_EQ(Finalize(), Kvm(EINVAL));
  EXPECT_EQ(Add(OnePage()), Kvm(EINVAL));
  EXPECT_EQ(vm_->CreateVcpu(1).error().os_error, EIO);
}

}  // namespace
}  // namespace sealvm::model
