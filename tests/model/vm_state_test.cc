// SPDX-License-Identifier: Apache-2.0
// What KVM refuses of a VM's memory, interrupt controllers and clocks.
#include <linux/kvm.h>

#include "tests/model/state_fixture.h"

namespace sealvm::model {
namespace {

class VmStateTest : public StateMachineTest {
 protected:
  // Through the double itself: the VMM's classes make no such requests.
  Answer SetAttributes(uint64_t address, uint64_t size, uint64_t attributes, uint64_t flags = 0) {
    return Kvm(kvm_->vm().SetMemoryAttributes(
        {.address = address, .size = size, .attributes = attributes, .flags = flags}));
  }
  static constexpr uint64_t kPrivate = KVM_MEMORY_ATTRIBUTE_PRIVATE;
};

TEST_F(VmStateTest, AttributesAreOfWholePages) {
  Create(KVM_X86_SNP_VM);
  EXPECT_EQ(SetAttributes(kPage, 2 * kPage, kPrivate), Answer());
  EXPECT_EQ(SetAttributes(kPage + 8, kPage, kPrivate), Kvm(EINVAL));
  EXPECT_EQ(SetAttributes(kPage, 100, kPrivate), Kvm(EINVAL));
  EXPECT_EQ(SetAttributes(kPage, 0, kPrivate), Kvm(EINVAL));
}

TEST_F(VmStateTest, AttributesDoNotWrapAround) {
  Create(KVM_X86_SNP_VM);
  EXPECT_EQ(SetAttributes(-kPage, 2 * kPage, kPrivate), Kvm(EINVAL));
  EXPECT_EQ(SetAttributes(kPage, -kPage, kPrivate), Kvm(EINVAL));
}

TEST_F(VmStateTest, OtherAttributesAndFlagsAreRefused) {
  Create(KVM_X86_TDX_VM);
  EXPECT_EQ(SetAttributes(0, kPage, kPrivate | 1), Kvm(EINVAL));
  EXPECT_EQ(SetAttributes(0, kPage, uint64_t{1} << 63), Kvm(EINVAL));
  EXPECT_EQ(SetAttributes(0, kPage, kPrivate, 1), Kvm(EINVAL));
}

TEST_F(VmStateTest, MemoryIsPrivateInVmsThatHaveSuch) {
  for (const unsigned long type : {KVM_X86_DEFAULT_VM, KVM_X86_SEV_VM, KVM_X86_SEV_ES_VM}) {
    Create(type);
    EXPECT_EQ(SetAttributes(0, kPage, kPrivate), Kvm(EINVAL)) << type;
    EXPECT_EQ(SetAttributes(0, kPage, 0), Answer()) << type;
    EXPECT_EQ(*vm_->CheckExtension(KVM_CAP_MEMORY_ATTRIBUTES), 0) << type;
  }
}

TEST_F(VmStateTest, TheApicsClockIsSetBetweenIrqchipAndVcpus) {
  Create(KVM_X86_SNP_VM);
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_X86_APIC_BUS_CYCLES_NS, 40)), Kvm(ENXIO));
  ASSERT_TRUE(vm_->CreateIrqchip());
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_X86_APIC_BUS_CYCLES_NS, 0)), Kvm(EINVAL));
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_X86_APIC_BUS_CYCLES_NS, 40)), Answer());
  ASSERT_TRUE(vm_->CreateVcpu(0));
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_X86_APIC_BUS_CYCLES_NS, 40)), Kvm(EINVAL));
}

TEST_F(VmStateTest, ThereIsOneIrqchip) {
  Create(KVM_X86_SNP_VM);
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 25)), Kvm(EINVAL));
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 24)), Answer());
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 24)), Kvm(EEXIST));
  EXPECT_EQ(Of(vm_->CreateIrqchip()), Kvm(EEXIST));
  Create(KVM_X86_SNP_VM);
  EXPECT_EQ(Of(vm_->CreateIrqchip()), Answer());
  EXPECT_EQ(Of(vm_->CreateIrqchip()), Kvm(EEXIST));
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 24)), Kvm(EEXIST));
}

TEST_F(VmStateTest, IrqchipsComeBeforeVcpus) {
  Create(KVM_X86_SNP_VM);
  ASSERT_TRUE(vm_->CreateVcpu(0));
  EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_SPLIT_IRQCHIP, 24)), Kvm(EEXIST));
  EXPECT_EQ(Of(vm_->CreateIrqchip()), Kvm(EINVAL));
}

TEST_F(VmStateTest, TheTscOfAllVcpusIsSetBeforeThem) {
  Create(KVM_X86_SNP_VM);
  EXPECT_EQ(Of(vm_->SetTscKhz(2'000'000)), Answer());
  ASSERT_TRUE(vm_->CreateVcpu(0));
  EXPECT_EQ(Of(vm_->SetTscKhz(2'000'000)), Kvm(EINVAL));
}

TEST_F(VmStateTest, OtherHypercallsThanKvmLeavesAreRefused) {
  for (const unsigned long type : {KVM_X86_SNP_VM, KVM_X86_TDX_VM}) {
    Create(type);
    EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_EXIT_HYPERCALL, 1u << 11)), Kvm(EINVAL)) << type;
    EXPECT_EQ(kvm_->vm().exit_hypercalls, 0u);
    EXPECT_EQ(Of(vm_->EnableCap(KVM_CAP_EXIT_HYPERCALL, 1u << 12)), Answer()) << type;
    EXPECT_EQ(kvm_->vm().exit_hypercalls, 1u << 12);
  }
}

TEST_F(VmStateTest, NothingIsPinnedForGuestsWithoutEncryption) {
  for (const unsigned long type : {KVM_X86_DEFAULT_VM, KVM_X86_SEV_VM, KVM_X86_TDX_VM}) {
    Create(type);  // and no KVM_SEV_INIT2
    const auto hva = reinterpret_cast<uint64_t>(&page_);
    EXPECT_EQ(Of(vm_->RegisterEncryptedRegion(hva, kPage)), Kvm(ENOTTY)) << type;
  }
}

}  // namespace
}  // namespace sealvm::model
