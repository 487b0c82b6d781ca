// SPDX-License-Identifier: Apache-2.0
// What KVM and the firmware refuse of SEV and SEV-ES guests.
#include <linux/psp-sev.h>

#include "tests/model/sev_model.h"
#include "tests/model/state_fixture.h"

namespace sealvm::model {
namespace {

class SevStateTest : public StateMachineTest {
 protected:
  void SetUp() override {
    Create(KVM_X86_SEV_ES_VM);
    const auto hva = reinterpret_cast<uint64_t>(&page_);
    ASSERT_TRUE(vm_->SetUserMemoryRegion({.slot = 0, .gpa = 0, .size = kPage, .hva = hva}));
    ASSERT_TRUE(vm_->RegisterEncryptedRegion(hva, kPage));
  }
  Answer Init(uint64_t features = 0) {
    kvm_sev_init init = {};
    init.vmsa_features = features;
    return Sev(KVM_SEV_INIT2, init);
  }
  Answer Start(uint32_t policy = 5) {
    kvm_sev_launch_start start = {};
    start.policy = policy;
    return Sev(KVM_SEV_LAUNCH_START, start);
  }
  Answer Update(uint64_t offset = 0, uint32_t size = kPage) {
    return Sev(KVM_SEV_LAUNCH_UPDATE_DATA,
               kvm_sev_launch_update_data{
                   .uaddr = reinterpret_cast<uint64_t>(&page_) + offset, .len = size, .pad0 = 0});
  }
  Answer Measure(uint32_t size = 48) {
    return Sev(KVM_SEV_LAUNCH_MEASURE,
               kvm_sev_launch_measure{
                   .uaddr = reinterpret_cast<uint64_t>(measurement_), .len = size, .pad0 = 0});
  }
  uint8_t measurement_[48];
};

TEST_F(SevStateTest, NothingWorksBeforeInit) {
  EXPECT_EQ(Start(), Kvm(ENOTTY));
  EXPECT_EQ(Update(), Kvm(ENOTTY));
}

TEST_F(SevStateTest, InitIsRefusedTwiceWithUnknownFeaturesAndAfterVcpus) {
  EXPECT_EQ(Init(1), Kvm(EINVAL));
  EXPECT_EQ(Init(), Answer());
  EXPECT_EQ(Init(), Kvm(EINVAL));
  Create(KVM_X86_SEV_ES_VM);
  ASSERT_TRUE(vm_->CreateVcpu(0));
  EXPECT_EQ(Init(), Kvm(EINVAL));
}

TEST_F(SevStateTest, StepsOutOfOrderAreTheFirmwaresBusiness) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Update(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Measure(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Start(), Firmware(SEV_RET_ASID_OWNED));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Update(), Answer());
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Measure(), Answer());
  EXPECT_EQ(Update(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
}

TEST_F(SevStateTest, LengthsAndAddressesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Update(8, 16), Firmware(SEV_RET_INVALID_ADDRESS));
  EXPECT_EQ(Update(0, 24), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(Update(0, kPage + 16), Kvm(EFAULT));
  EXPECT_EQ(Measure(0), Firmware(SEV_RET_INVALID_LEN));
}

TEST_F(SevStateTest, PoliciesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Start(0x45), Firmware(SEV_RET_INVALID_PARAM));
  EXPECT_EQ(Start(0x1), Firmware(SEV_RET_POLICY_FAILURE));
  EXPECT_EQ(Start(0x7f010005), Firmware(SEV_RET_POLICY_FAILURE));
}

TEST_F(SevStateTest, AnotherFileThanTheProcessorsIsRefused) {
  kvm_sev_init init = {};
  EXPECT_EQ(vm_->SevCommand(KVM_SEV_INIT2, &init, 0).os_error, EBADF);
}

TEST_F(SevStateTest, MemoryThatWasEncryptedReadsDifferently) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_EQ(Start(), Answer());
  ASSERT_EQ(Update(0, 16), Answer());
  EXPECT_NE(page_.bytes[0], 0);
  EXPECT_EQ(page_.bytes[16], 0);
}

}  // namespace
}  // namespace sealvm::model
