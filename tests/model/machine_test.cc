// SPDX-License-Identifier: Apache-2.0
// Whole machines on a double of the host: what `run` launches has the digest that `measure` prints.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/model/machine_fixture.h"
#include "tests/model/sev_owner.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;

struct Case {
  IsolationMode mode;
  uint32_t cpus;
  bool with_kernel;
  uint64_t features = 1;
};

class MachineDigestTest : public MachineTest, public testing::WithParamInterface<Case> {};

TEST_P(MachineDigestTest, RunLaunchesWhatMeasureSays) {
  MachineConfig config = ConfigOf(GetParam().mode, GetParam().cpus);
  config.launch.guest_features = GetParam().features;
  if (GetParam().with_kernel) AddKernel(config);
  const Result<> created = Create(config);
  ASSERT_TRUE(created) << created.error().ToString();
  const Bytes measured = Measured(config);
  EXPECT_EQ(Found(), measured);
  EXPECT_EQ(ToBytes(machine_->launch_digest()), measured);
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
}

INSTANTIATE_TEST_SUITE_P(
    Modes, MachineDigestTest,
    testing::Values(Case{IsolationMode::kSev, 1, false}, Case{IsolationMode::kSev, 64, true},
                    Case{IsolationMode::kSevEs, 1, true}, Case{IsolationMode::kSevEs, 64, false},
                    Case{IsolationMode::kSnp, 1, false}, Case{IsolationMode::kSnp, 3, true},
                    Case{IsolationMode::kSnp, 64, true, 0x21}, Case{IsolationMode::kTdx, 1, true},
                    Case{IsolationMode::kTdx, 64, false}));

TEST_F(MachineTest, TheHostsSignatureIsMeasuredWhereNoneIsGiven) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.vcpu_signature.reset();
  ASSERT_TRUE(Create(config));
  config.launch.vcpu_signature = kSignature;
  EXPECT_EQ(Found(), Measured(config));
}

TEST_F(MachineTest, AnExpectedDigestIsTheOneOrThereIsNoVm) {
  for (IsolationMode mode :
       {IsolationMode::kSev, IsolationMode::kSevEs, IsolationMode::kSnp, IsolationMode::kTdx}) {
    MachineConfig config = ConfigOf(mode);
    config.launch.expected_digest = Measured(config);
    EXPECT_TRUE(Create(config)) << IsolationModeName(mode);
    config.launch.expected_digest[3] ^= 1;
    kvm_ = std::make_shared<KvmDouble>(FullHost());
    const Result<> refused = Create(config);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(refused.error().message, HasSubstr("--expect-digest"));
    EXPECT_FALSE(kvm_->has_vm());
  }
}

TEST_F(MachineTest, AHostWithoutTheModeIsRefused) {
  for (IsolationMode mode :
       {IsolationMode::kSev, IsolationMode::kSevEs, IsolationMode::kSnp, IsolationMode::kTdx}) {
    HostModel host = FullHost();
    host.vm_types = 1;
    kvm_ = std::make_shared<KvmDouble>(host);
    const Result<> refused = Create(ConfigOf(mode));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kRefused) << refused.error().ToString();
    EXPECT_FALSE(kvm_->has_vm());
  }
}

TEST_F(MachineTest, WithoutAFirmwareThereIsNothingToLaunch) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.firmware.clear();
  const Result<> refused = Create(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(refused.error().message, HasSubstr("--firmware"));
  // Where the mode cannot be had anyway, that is what counts.
  HostModel host = FullHost();
  host.vm_types = 1;
  kvm_ = std::make_shared<KvmDouble>(host);
  const Result<> unavailable = Create(config);
  ASSERT_FALSE(unavailable);
  EXPECT_EQ(unavailable.error().kind, ErrorKind::kRefused);
}

TEST_F(MachineTest, AKernelThatIsNotEnforcedIsRefusedByItsTrap) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  AddKernel(config);
  config.launch.allow_unenforced_hashes = false;
  const Result<> refused = Create(config);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(refused.error().message, HasSubstr("measured and not enforced"));
}

// Exits, by what the guest does next.
TEST_F(MachineTest, AnOwnersSecretReachesTheGuest) {
  MachineConfig config = ConfigOf(IsolationMode::kSevEs);
  SevOwner owner(FullHost(), 5);
  config.launch.dh_certificate = WriteFile("dh-cert", SevOwner::Certificate());
  config.launch.session = WriteFile("session", SevOwner::Session(5));
  config.launch.measurement_file = owner.measurement_file();
  config.launch.secret_file = owner.secret_file();
  owner.Start();
  const Result<> created = Create(config);
  owner.Stop();
  ASSERT_TRUE(created) << created.error().ToString();
  EXPECT_EQ(owner.digest(), Measured(config));
  EXPECT_TRUE(owner.measurement_holds());
  EXPECT_EQ(kvm_->vm().sev->ReadAsGuest(0x810000, SevOwner::Secret().size()), SevOwner::Secret());
}

TEST_F(MachineTest, ASecretLargerThanItsAreaIsRefused) {
  MachineConfig config = ConfigOf(IsolationMode::kSevEs);
  config.launch.secret_file = WriteFile("secret", Bytes(52 + 0x1000, 0x11));
  const Result<> created = Create(config);
  ASSERT_FALSE(created);
  EXPECT_THAT(created.error().message, HasSubstr("--sev-secret"));
}

}  // namespace
}  // namespace sealvm::model
