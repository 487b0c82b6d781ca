// SPDX-License-Identifier: Apache-2.0
// The owner of a SEV or SEV-ES guest and the model of the firmware: session, measurement, secret.
#include "tests/model/sev_owner.h"

#include <gtest/gtest.h>

#include "tests/model/launch_fixture.h"
#include "tests/model/sev_model.h"

namespace sealvm::model {
namespace {

constexpr uint64_t kSecretArea = 0x810000;  // of FirmwareBuilder

class SevOwnerTest : public testing::TestWithParam<IsolationMode> {
 protected:
  void SetUp() override {
    setup_.dh_certificate = SevOwner::Certificate();
    setup_.session = SevOwner::Session(policy_);
  }

  Result<> Run() {
    launch_.emplace(setup_, kvm_);
    return launch_->Run();
  }
  Result<> RunWithOwner(const SevOwner::Change& change = [](auto&) {}) {
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    setup_.owner.emplace(owner_.measurement_file(), owner_.secret_file());
    owner_.Start(change);
    Result<> ran = Run();
    owner_.Stop();
    return ran;
  }
  void ExpectRefused(const Result<>& ran, const char* command, const char* status) {
    ASSERT_FALSE(ran);
    EXPECT_NE(ran.error().message.find(command), std::string::npos) << ran.error().message;
    EXPECT_NE(ran.error().message.find(status), std::string::npos) << ran.error().message;
    EXPECT_EQ(kvm_->CountOf("KVM_SEV_LAUNCH_FINISH"), 0u);
  }
  std::vector<uint8_t> SecretOfTheGuest() {
    return launch_->vm().sev->ReadAsGuest(kSecretArea, SevOwner::Secret().size());
  }

  LaunchSetup setup_ = SetupOf(GetParam());
  const uint32_t policy_ = static_cast<uint32_t>(setup_.guest_policy);
  SevOwner owner_{FullHost(), policy_};
  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>(FullHost());
  std::optional<TestLaunch> launch_;
};

TEST_P(SevOwnerTest, TheSecretArrives) {
  const Result<> ran = RunWithOwner();
  ASSERT_TRUE(ran) << ran.error().ToString();
  EXPECT_EQ(owner_.digest(), launch_->Expected());
  EXPECT_TRUE(owner_.measurement_holds());
  EXPECT_EQ(SecretOfTheGuest(), SevOwner::Secret());
}

TEST_P(SevOwnerTest, AChangedPacketIsRefusedByTheFirmware) {
  const SevOwner::Change changes[] = {[](auto& packet) { packet.header[4] ^= 1; },   // IV
                                      [](auto& packet) { packet.header[20] ^= 1; },  // HMAC
                                      [](auto& packet) { packet.data.back() ^= 1; },
                                      [](auto& packet) { packet.data.resize(48); }};
  for (const SevOwner::Change& change : changes) {
    ExpectRefused(RunWithOwner(change), "KVM_SEV_LAUNCH_SECRET", "BAD_MEASUREMENT");
    EXPECT_TRUE(owner_.measurement_holds());
    EXPECT_NE(SecretOfTheGuest(), SevOwner::Secret());
  }
}

TEST_P(SevOwnerTest, ThePacketOfAnotherLaunchIsRefusedByTheFirmware) {
  attestation::SevSecretPacket kept;
  ASSERT_TRUE(RunWithOwner([&](auto& packet) { kept = packet; }));
  setup_.with_kernel = false;
  ExpectRefused(RunWithOwner([&](auto& packet) { packet = kept; }), "KVM_SEV_LAUNCH_SECRET",
                "BAD_MEASUREMENT");
}

TEST_P(SevOwnerTest, SessionAndCertificateArriveAsGiven) {
  ASSERT_TRUE(Run());
  EXPECT_EQ(launch_->vm().sev->dh_certificate(), setup_.dh_certificate);
  EXPECT_EQ(launch_->vm().sev->session(), setup_.session);
}

TEST_P(SevOwnerTest, ASessionForAnotherPolicyIsRefused) {
  setup_.session = SevOwner::Session(policy_ | 0x8);  // NOSEND
  ExpectRefused(Run(), "KVM_SEV_LAUNCH_START", "BAD_MEASUREMENT");
}

TEST_P(SevOwnerTest, ASessionForAnotherCertificateIsRefused) {
  setup_.dh_certificate[0x500] ^= 1;
  ExpectRefused(Run(), "KVM_SEV_LAUNCH_START", "BAD_MEASUREMENT");
}

INSTANTIATE_TEST_SUITE_P(Modes, SevOwnerTest,
                         testing::Values(IsolationMode::kSev, IsolationMode::kSevEs));

}  // namespace
}  // namespace sealvm::model
