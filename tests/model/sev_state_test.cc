// SPDX-License-Identifier: Apache-2.0
// What KVM and the firmware refuse of SEV and SEV-ES guests.
#include <linux/psp-sev.h>

#include <vector>

#include "tests/model/sev_model.h"
#include "tests/model/state_fixture.h"

namespace sealvm::model {
namespace {

class SevStateTest : public StateMachineTest {
 protected:
  void SetUp() override { CreateWithMemory(KVM_X86_SEV_ES_VM); }
  void CreateWithMemory(unsigned long type) {
    Create(type);
    ASSERT_TRUE(vm_->SetUserMemoryRegion({.slot = 0, .gpa = 0, .size = kPage, .hva = Address()}));
  }
  uint64_t Address() const { return reinterpret_cast<uint64_t>(&page_); }
  Answer Init(uint64_t features = 0, uint16_t ghcb_version = 0) {
    kvm_sev_init init = {};
    init.vmsa_features = features;
    init.ghcb_version = ghcb_version;
    const Answer answer = Sev(KVM_SEV_INIT2, init);
    if (answer == Answer()) {
      EXPECT_TRUE(vm_->RegisterEncryptedRegion(Address(), kPage));
    }
    return answer;
  }
  Answer Start(uint32_t policy = 5) {
    kvm_sev_launch_start start = {};
    start.policy = policy;
    return Sev(KVM_SEV_LAUNCH_START, start);
  }
  Answer Update(uint64_t offset = 0, uint32_t size = kPage) {
    return Sev(KVM_SEV_LAUNCH_UPDATE_DATA,
               kvm_sev_launch_update_data{.uaddr = Address() + offset, .len = size, .pad0 = 0});
  }
  Answer Measure(uint32_t size = 48) {
    return Sev(KVM_SEV_LAUNCH_MEASURE,
               kvm_sev_launch_measure{
                   .uaddr = reinterpret_cast<uint64_t>(measurement_), .len = size, .pad0 = 0});
  }
  // A secret of which nothing but its HMAC is wrong.
  kvm_sev_launch_secret Secret(uint32_t size = 32) {
    kvm_sev_launch_secret secret = {};
    secret.hdr_uaddr = reinterpret_cast<uint64_t>(header_);
    secret.hdr_len = sizeof(header_);
    secret.guest_uaddr = Address();
    secret.guest_len = size;
    secret.trans_uaddr = reinterpret_cast<uint64_t>(packet_.data());
    secret.trans_len = size;
    return secret;
  }
  Answer Submit(const kvm_sev_launch_secret& secret) { return Sev(KVM_SEV_LAUNCH_SECRET, secret); }
  void LaunchToSecret() {
    ASSERT_EQ(Init(), Answer());
    ASSERT_EQ(Start(), Answer());
    ASSERT_EQ(Update(), Answer());
    ASSERT_EQ(Measure(), Answer());
  }

  uint8_t measurement_[48];
  uint8_t header_[52] = {};
  std::vector<uint8_t> packet_ = std::vector<uint8_t>(32 * 1024);
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

TEST_F(SevStateTest, NothingButTheStartWorksBeforeIt) {
  ASSERT_EQ(Init(), Answer());
  // KVM sends the others to the file that LAUNCH_START named.
  EXPECT_EQ(Update(), Kvm(EBADF));
  EXPECT_EQ(Measure(), Kvm(EBADF));
  EXPECT_EQ(Submit(Secret()), Kvm(EBADF));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Kvm(EBADF));
}

TEST_F(SevStateTest, StepsOutOfOrderAreTheFirmwaresBusiness) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_TRUE(vm_->CreateVcpu(0));
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Start(), Firmware(SEV_RET_ASID_OWNED));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Submit(Secret()), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Update(), Answer());
  EXPECT_EQ(Submit(Secret()), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Measure(), Answer());
  EXPECT_EQ(Measure(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Update(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Firmware(SEV_RET_INVALID_GUEST_STATE));
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Answer());
  EXPECT_EQ(Submit(Secret()), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Firmware(SEV_RET_INVALID_GUEST_STATE));
}

TEST_F(SevStateTest, LengthsAndAddressesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Update(8, 16), Firmware(SEV_RET_INVALID_ADDRESS));
  EXPECT_EQ(Update(0, 24), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(Update(0, 8), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(Update(0, 0), Kvm(EINVAL));
  EXPECT_EQ(Update(0, kPage + 16), Kvm(EFAULT));
  EXPECT_EQ(Measure(0), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(Measure(47), Firmware(SEV_RET_INVALID_LEN));
}

TEST_F(SevStateTest, ARegionToPinHasASize) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Of(vm_->RegisterEncryptedRegion(Address(), 0)), Kvm(EINVAL));
}

TEST_F(SevStateTest, SecretsAreChecked) {
  LaunchToSecret();
  kvm_sev_launch_secret secret = Secret();
  secret.hdr_len = 51;
  EXPECT_EQ(Submit(secret), Firmware(SEV_RET_INVALID_LEN));
  secret = Secret();
  secret.trans_len = 16;
  EXPECT_EQ(Submit(secret), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(Submit(Secret(24)), Firmware(SEV_RET_INVALID_LEN));
  secret = Secret();
  secret.guest_uaddr += 8;
  EXPECT_EQ(Submit(secret), Firmware(SEV_RET_INVALID_ADDRESS));
  EXPECT_EQ(Submit(Secret()), Firmware(SEV_RET_BAD_MEASUREMENT));
}

TEST_F(SevStateTest, KvmCopiesNoEmptyAndNoLargePackets) {
  LaunchToSecret();
  kvm_sev_launch_secret secret = Secret();
  secret.guest_len = 0;
  EXPECT_EQ(Submit(secret), Kvm(EINVAL));
  secret = Secret();
  secret.trans_len = 16 * 1024 + 16;
  EXPECT_EQ(Submit(secret), Kvm(EINVAL));
  secret.trans_len = 0;
  EXPECT_EQ(Submit(secret), Kvm(EINVAL));
  secret = Secret();
  secret.hdr_uaddr = 0;
  EXPECT_EQ(Submit(secret), Kvm(EINVAL));
}

TEST_F(SevStateTest, SessionsAreChecked) {
  ASSERT_EQ(Init(), Answer());
  kvm_sev_launch_start start = {};
  start.policy = 5;
  start.dh_uaddr = start.session_uaddr = reinterpret_cast<uint64_t>(packet_.data());
  const auto start_with = [&](uint32_t dh_size, uint32_t session_size) {
    start.dh_len = dh_size;
    start.session_len = session_size;
    return Sev(KVM_SEV_LAUNCH_START, start);
  };
  EXPECT_EQ(start_with(0, 128), Kvm(EINVAL));
  EXPECT_EQ(start_with(0x824, 16 * 1024 + 1), Kvm(EINVAL));
  EXPECT_EQ(start_with(0x823, 128), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(start_with(0x824, 129), Firmware(SEV_RET_INVALID_LEN));
  EXPECT_EQ(start_with(0x824, 128), Firmware(SEV_RET_BAD_MEASUREMENT));
}

TEST_F(SevStateTest, StateThatWasEncryptedIsOutOfReach) {
  ASSERT_EQ(Init(), Answer());
  Result<kvm::Vcpu> vcpu = vm_->CreateVcpu(0);
  ASSERT_TRUE(vcpu);
  ASSERT_EQ(Start(), Answer());
  EXPECT_TRUE(vcpu->GetRegs());
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Answer());
  EXPECT_EQ(vcpu->GetRegs().error().os_error, EINVAL);
  EXPECT_EQ(Of(vcpu->SetRegs({})), Kvm(EINVAL));
  EXPECT_EQ(vcpu->GetSregs().error().os_error, EINVAL);
  EXPECT_EQ(Of(vcpu->SetSregs({})), Kvm(EINVAL));
  EXPECT_EQ(Of(vcpu->SetFpu({})), Kvm(EINVAL));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Kvm(EINVAL));
}

TEST_F(SevStateTest, PoliciesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Start(0x45), Firmware(SEV_RET_INVALID_PARAM));
  EXPECT_EQ(Start(0x1), Firmware(SEV_RET_POLICY_FAILURE));
  EXPECT_EQ(Start(0x7f010005), Firmware(SEV_RET_POLICY_FAILURE));
}

TEST_F(SevStateTest, AnotherFileThanTheProcessorsIsRefused) {
  ASSERT_EQ(Init(), Answer());
  kvm_sev_launch_start start = {};
  start.policy = 5;
  EXPECT_EQ(vm_->SevCommand(KVM_SEV_LAUNCH_START, &start, 0).os_error, EBADF);
}

TEST_F(SevStateTest, MemoryThatWasEncryptedReadsDifferently) {
  ASSERT_EQ(Init(), Answer());
  ASSERT_EQ(Start(), Answer());
  ASSERT_EQ(Update(0, 16), Answer());
  EXPECT_NE(page_.bytes[0], 0);
  EXPECT_EQ(page_.bytes[16], 0);
}

class PlainSevStateTest : public SevStateTest {
 protected:
  void SetUp() override { CreateWithMemory(KVM_X86_SEV_VM); }
};

TEST_F(PlainSevStateTest, ThereIsNoStateToEncrypt) {
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Kvm(ENOTTY));
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Kvm(ENOTTY));
  ASSERT_EQ(Start(1), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_UPDATE_VMSA), Kvm(ENOTTY));
}

TEST_F(PlainSevStateTest, FeaturesAndProtocolsOfEncryptedStateAreRefused) {
  EXPECT_EQ(Init(1u << 5), Kvm(EINVAL));
  EXPECT_EQ(Init(0, 1), Kvm(EINVAL));
  EXPECT_EQ(Init(0, 2), Kvm(EINVAL));
  EXPECT_EQ(Init(), Answer());
}

TEST_F(PlainSevStateTest, APolicyOfSevEsIsRefused) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Start(5), Firmware(SEV_RET_POLICY_FAILURE));
}

TEST_F(PlainSevStateTest, RegistersStayTheHosts) {
  ASSERT_EQ(Init(), Answer());
  Result<kvm::Vcpu> vcpu = vm_->CreateVcpu(0);
  ASSERT_TRUE(vcpu);
  ASSERT_EQ(Start(1), Answer());
  ASSERT_EQ(Measure(), Answer());
  ASSERT_EQ(Sev(KVM_SEV_LAUNCH_FINISH), Answer());
  EXPECT_TRUE(vcpu->GetRegs());
  EXPECT_TRUE(vcpu->SetRegs({}));
}

}  // namespace
}  // namespace sealvm::model
