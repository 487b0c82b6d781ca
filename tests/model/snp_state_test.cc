// SPDX-License-Identifier: Apache-2.0
// What KVM and the firmware refuse of SNP guests.
#include <linux/psp-sev.h>

#include <algorithm>
#include <vector>

#include "tests/model/snp_model.h"
#include "tests/model/state_fixture.h"

namespace sealvm::model {
namespace {

class SnpStateTest : public StateMachineTest {
 protected:
  void SetUp() override { Create(KVM_X86_SNP_VM); }
  Answer Init(uint64_t features = 0) {
    kvm_sev_init init = {};
    init.vmsa_features = features;
    return Sev(KVM_SEV_INIT2, init);
  }
  Answer Start(uint64_t policy = 0x30000, uint16_t flags = 0) {
    kvm_sev_snp_launch_start start = {};
    start.policy = policy;
    start.flags = flags;
    return Sev(KVM_SEV_SNP_LAUNCH_START, start);
  }
  kvm_sev_snp_launch_update OnePage(uint8_t type = KVM_SEV_SNP_PAGE_TYPE_NORMAL) {
    kvm_sev_snp_launch_update update = {};
    update.uaddr = reinterpret_cast<uint64_t>(&page_);
    update.len = kPage;
    update.type = type;
    return update;
  }
  Answer Update(const kvm_sev_snp_launch_update& update) {
    return Sev(KVM_SEV_SNP_LAUNCH_UPDATE, update);
  }
  Answer Finish() { return Sev(KVM_SEV_SNP_LAUNCH_FINISH, kvm_sev_snp_launch_finish{}); }
};

TEST_F(SnpStateTest, CommandsOfSevAreForbidden) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_START, kvm_sev_launch_start{}), Kvm(EPERM));
  EXPECT_EQ(Init(), Kvm(EPERM));
}

TEST_F(SnpStateTest, NothingWorksBeforeInit) {
  EXPECT_EQ(Start(), Kvm(ENOTTY));
  EXPECT_EQ(Update(OnePage()), Kvm(EINVAL));
  EXPECT_EQ(Finish(), Kvm(ENOTTY));
  EXPECT_EQ(Sev(KVM_SEV_SNP_ENABLE_REQ_CERTS), Kvm(EINVAL));
  EXPECT_EQ(Sev(KVM_SEV_LAUNCH_MEASURE, kvm_sev_launch_measure{}), Kvm(ENOTTY));
}

TEST_F(SnpStateTest, CertificatesAreAskedForBeforeTheFirstVcpu) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Sev(KVM_SEV_SNP_ENABLE_REQ_CERTS), Answer());
  ASSERT_TRUE(vm_->CreateVcpu(0));
  EXPECT_EQ(Sev(KVM_SEV_SNP_ENABLE_REQ_CERTS), Kvm(EINVAL));
}

TEST_F(SnpStateTest, AnOlderKernelKnowsNoRequestsForCertificates) {
  kvm_->host().snp_certificates.reset();
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Sev(KVM_SEV_SNP_ENABLE_REQ_CERTS), Kvm(EINVAL));
}

TEST_F(SnpStateTest, AnotherFileThanTheProcessorsIsRefused) {
  ASSERT_EQ(Init(), Answer());
  kvm_sev_snp_launch_start start = {};
  start.policy = 0x30000;
  EXPECT_EQ(vm_->SevCommand(KVM_SEV_SNP_LAUNCH_START, &start, 0).os_error, EBADF);
}

TEST_F(SnpStateTest, KvmSetsTheSnpFeatureItself) { EXPECT_EQ(Init(1), Kvm(EINVAL)); }

TEST_F(SnpStateTest, PoliciesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Start(0x10000), Kvm(EINVAL));             // the mandatory bit
  EXPECT_EQ(Start(0x30000 | 1u << 18), Kvm(EINVAL));  // migration agents
  EXPECT_EQ(Start(0x30000 | 1ull << 40), Kvm(EINVAL));
  EXPECT_EQ(Start(0x30000, 1), Kvm(EINVAL));
  EXPECT_EQ(Start(0x302ff), Firmware(SEV_RET_POLICY_FAILURE));  // a newer firmware
  EXPECT_EQ(Start(0x20000), Firmware(SEV_RET_POLICY_FAILURE));  // SMT is on
  EXPECT_EQ(Start(), Answer());
  EXPECT_EQ(Start(), Kvm(EINVAL));
}

TEST_F(SnpStateTest, UpdatesAreChecked) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(4 * kPage);
  EXPECT_EQ(Update(OnePage()), Kvm(EINVAL));  // before the start
  ASSERT_EQ(Start(), Answer());
  kvm_sev_snp_launch_update update = OnePage();
  update.len = 100;
  EXPECT_EQ(Update(update), Kvm(EINVAL));
  update.len = 0;
  EXPECT_EQ(Update(update), Kvm(EINVAL));
  update = OnePage();
  update.uaddr += 8;
  EXPECT_EQ(Update(update), Kvm(EINVAL));
  update = OnePage();
  update.flags = 1;
  EXPECT_EQ(Update(update), Kvm(EINVAL));
  EXPECT_EQ(Update(OnePage(2)), Kvm(EINVAL));  // VMSAs are KVM's
  update = OnePage();
  update.gfn_start = 4;
  EXPECT_EQ(Update(update), Kvm(EINVAL));  // no memory
  EXPECT_EQ(Update(OnePage()), Answer());
  EXPECT_EQ(Update(OnePage()), Kvm(EIO));  // twice
}

TEST_F(SnpStateTest, PagesMustBePrivate) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(kPage, false);
  ASSERT_EQ(Start(), Answer());
  EXPECT_EQ(Update(OnePage()), Kvm(EIO));
}

TEST_F(SnpStateTest, ACpuidPageHasAtMost64Entries) {
  ASSERT_EQ(Init(), Answer());
  BindPrivate(kPage);
  ASSERT_EQ(Start(), Answer());
  page_.bytes[0] = 65;
  EXPECT_EQ(Update(OnePage(KVM_SEV_SNP_PAGE_TYPE_CPUID)), Firmware(SEV_RET_INVALID_PARAM));
  page_.bytes[0] = 64;
  page_.bytes[3] = 1;
  EXPECT_EQ(Update(OnePage(KVM_SEV_SNP_PAGE_TYPE_CPUID)), Firmware(SEV_RET_INVALID_PARAM));
  page_.bytes[3] = 0;
  EXPECT_EQ(Update(OnePage(KVM_SEV_SNP_PAGE_TYPE_CPUID)), Answer());
}

class SnpIdBlockStateTest : public SnpStateTest {
 protected:
  void SetUp() override {
    SnpStateTest::SetUp();
    ASSERT_EQ(Init(), Answer());
    BindPrivate(kPage);
    ASSERT_EQ(Start(), Answer());
    ASSERT_EQ(Update(OnePage()), Answer());
    std::ranges::copy(kvm_->vm().snp->launch_digest(), block_.begin());
    block_[80] = 1;      // version
    block_[88 + 2] = 3;  // policy 0x30000
    auth_[0] = 1;        // ECDSA P-384 with SHA-384
  }
  Answer FinishWithBlock(bool author_key = false) {
    kvm_sev_snp_launch_finish finish = {};
    finish.id_block_uaddr = reinterpret_cast<uint64_t>(block_.data());
    finish.id_auth_uaddr = reinterpret_cast<uint64_t>(auth_.data());
    finish.id_block_en = 1;
    finish.auth_key_en = author_key ? 1 : 0;
    return Sev(KVM_SEV_SNP_LAUNCH_FINISH, finish);
  }
  std::vector<uint8_t> block_ = std::vector<uint8_t>(KVM_SEV_SNP_ID_BLOCK_SIZE);
  std::vector<uint8_t> auth_ = std::vector<uint8_t>(KVM_SEV_SNP_ID_AUTH_SIZE);
};

TEST_F(SnpIdBlockStateTest, AFittingOneIsTaken) { EXPECT_EQ(FinishWithBlock(), Answer()); }

TEST_F(SnpIdBlockStateTest, AnotherDigestIsABadMeasurement) {
  block_[47] ^= 1;
  EXPECT_EQ(FinishWithBlock(), Firmware(SEV_RET_BAD_MEASUREMENT));
}

TEST_F(SnpIdBlockStateTest, AnotherPolicyIsAPolicyFailure) {
  block_[88] = 1;
  EXPECT_EQ(FinishWithBlock(), Firmware(SEV_RET_POLICY_FAILURE));
}

TEST_F(SnpIdBlockStateTest, VersionsAndAlgorithmsThatDoNotExistAreInvalid) {
  block_[80] = 2;
  EXPECT_EQ(FinishWithBlock(), Firmware(SEV_RET_INVALID_PARAM));
  block_[80] = 1;
  auth_[0] = 2;
  EXPECT_EQ(FinishWithBlock(), Firmware(SEV_RET_INVALID_PARAM));
  auth_[0] = 1;
  EXPECT_EQ(FinishWithBlock(true), Firmware(SEV_RET_INVALID_PARAM));
  auth_[4] = 1;
  EXPECT_EQ(FinishWithBlock(true), Answer());
}

TEST_F(SnpStateTest, ALaunchIsFinishedOnce) {
  EXPECT_EQ(Finish(), Kvm(ENOTTY));
  ASSERT_EQ(Init(), Answer());
  EXPECT_EQ(Finish(), Kvm(EINVAL));
  BindPrivate(kPage);
  ASSERT_EQ(Start(), Answer());
  ASSERT_EQ(Finish(), Answer());
  EXPECT_EQ(Finish(), Firmware(SEV_RET_INVALID_GUEST_STATE));
  EXPECT_EQ(Update(OnePage()), Firmware(SEV_RET_INVALID_GUEST_STATE));
}

TEST_F(SnpStateTest, RegistersOfALaunchedGuestAreOutOfReach) {
  ASSERT_EQ(Init(), Answer());
  Result<kvm::Vcpu> vcpu = vm_->CreateVcpu(0);
  ASSERT_TRUE(vcpu);
  ASSERT_EQ(Start(), Answer());
  EXPECT_TRUE(vcpu->GetRegs());
  EXPECT_TRUE(vcpu->SetRegs({}));
  ASSERT_EQ(Finish(), Answer());
  EXPECT_EQ(vcpu->GetRegs().error().os_error, EINVAL);
  EXPECT_EQ(Of(vcpu->SetRegs({})), Kvm(EINVAL));
  EXPECT_EQ(vcpu->GetSregs().error().os_error, EINVAL);
  EXPECT_EQ(Of(vcpu->SetSregs({})), Kvm(EINVAL));
  // KVM would take the vCPUs' state once more.
  EXPECT_EQ(Finish(), Kvm(EINVAL));
}

TEST_F(SnpStateTest, SlotsFollowTheRules) {
  BindPrivate(2 * kPage);
  const auto bind = [&](kvm::Memslot slot) {
    const Result<> done = vm_->SetUserMemoryRegion(slot);
    return done ? 0 : done.error().os_error;
  };
  kvm::Memslot slot = {.slot = 1, .gpa = 8 * kPage, .size = kPage, .private_fd = memfd_.get()};
  EXPECT_EQ(bind(slot), EEXIST);  // the same bytes of the file twice
  slot.private_offset = 2 * kPage;
  EXPECT_EQ(bind(slot), EINVAL);  // beyond its end
  slot = {.slot = 1, .gpa = kPage, .size = kPage};
  EXPECT_EQ(bind(slot), EEXIST);
  Fd other = *vm_->CreateGuestMemfd(kPage, 0);
  slot = {.slot = 1, .gpa = 8 * kPage, .size = kPage, .private_fd = other.get()};
  slot.flags = KVM_MEM_READONLY;
  EXPECT_EQ(bind(slot), EINVAL);
}

}  // namespace
}  // namespace sealvm::model
