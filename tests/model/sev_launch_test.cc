// SPDX-License-Identifier: Apache-2.0
// Launches of SEV and SEV-ES guests against the model of the firmware.
#include "vmm/isolation/attestation/sev_launch.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <linux/psp-sev.h>

#include <algorithm>

#include "tests/model/launch_fixture.h"
#include "tests/model/sev_model.h"

namespace sealvm::model {
namespace {

struct Case {
  IsolationMode mode;
  uint32_t cpus;
  bool with_kernel;
};

class SevDigestTest : public testing::TestWithParam<Case> {};

TEST_P(SevDigestTest, TheFirmwareComputesWhatMeasureSays) {
  LaunchSetup setup = SetupOf(GetParam().mode);
  setup.cpus = GetParam().cpus;
  setup.with_kernel = GetParam().with_kernel;
  TestLaunch launch(setup, std::make_shared<KvmDouble>(FullHost()));
  const Result<> ran = launch.Run();
  ASSERT_TRUE(ran) << ran.error().ToString();
  EXPECT_EQ(launch.Found(), launch.Expected());
}

INSTANTIATE_TEST_SUITE_P(
    Launches, SevDigestTest,
    testing::Values(Case{IsolationMode::kSev, 1, false}, Case{IsolationMode::kSev, 64, true},
                    Case{IsolationMode::kSevEs, 1, false}, Case{IsolationMode::kSevEs, 2, true},
                    Case{IsolationMode::kSevEs, 33, false}, Case{IsolationMode::kSevEs, 64, true}));

class SevLaunchTest : public testing::Test {
 protected:
  Result<> Run(LaunchSetup setup) {
    launch_.emplace(std::move(setup), kvm_);
    return launch_->Run();
  }

  std::shared_ptr<KvmDouble> kvm_ = std::make_shared<KvmDouble>(FullHost());
  std::optional<TestLaunch> launch_;
};

TEST_F(SevLaunchTest, TheOwnerCanCheckTheMeasurement) {
  ASSERT_TRUE(Run(SetupOf(IsolationMode::kSevEs)));
  const auto& guest = static_cast<sev::SevGuest&>(launch_->guest());
  const Result<attestation::SevMeasurement> measurement =
      attestation::ParseSevMeasurement(guest.measurement(), "measurement");
  ASSERT_TRUE(measurement);
  attestation::SevMeasureInput input = {.api_major = kvm_->host().api_major,
                                        .api_minor = kvm_->host().api_minor,
                                        .build = kvm_->host().build,
                                        .policy = 5};
  std::ranges::copy(launch_->Expected(), input.launch_digest.begin());
  EXPECT_TRUE(attestation::MeasurementHolds(*measurement, input, SevModel::Tik()));
}

TEST_F(SevLaunchTest, RegistersAreOutOfReachAfterwards) {
  ASSERT_TRUE(Run(SetupOf(IsolationMode::kSevEs)));
  for (const auto& vcpu : launch_->vm().vcpus) EXPECT_TRUE(vcpu->protected_state);
}

TEST_F(SevLaunchTest, APolicyThatTheFirmwareRefusesIsNamed) {
  LaunchSetup setup = SetupOf(IsolationMode::kSevEs);
  setup.guest_policy = 0x1;  // not of SEV-ES
  const Result<> ran = Run(setup);
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("KVM_SEV_LAUNCH_START"), std::string::npos);
  EXPECT_NE(ran.error().message.find("POLICY_FAILURE"), std::string::npos) << ran.error().message;
}

TEST_F(SevLaunchTest, AHostWithoutTheDeviceIsRefused) {
  kvm_->host().has_sev_device = false;
  const Result<> ran = Run(SetupOf(IsolationMode::kSev));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kRefused);
  EXPECT_NE(ran.error().message.find("/dev/sev"), std::string::npos);
}

TEST_F(SevLaunchTest, AKernelWithoutTheVmTypeSaysSo) {
  kvm_->host().vm_types = 1;
  const Result<> ran = Run(SetupOf(IsolationMode::kSev));
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("KVM_CREATE_VM"), std::string::npos);
}

TEST_F(SevLaunchTest, MemoryThatCannotBePinnedSaysWhatToDo) {
  kvm_->intercept = [](const Call& call) {
    return call.name == "KVM_MEMORY_ENCRYPT_REG_REGION" ? Verdict::Fail(ENOMEM) : Verdict();
  };
  const Result<> ran = Run(SetupOf(IsolationMode::kSev));
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().hint.find("ulimit -l"), std::string::npos);
}

TEST_F(SevLaunchTest, ABusyFirmwareIsAskedAgain) {
  unsigned times = 5;
  kvm_->intercept = [&](const Call& call) {
    const bool busy = call.name == "KVM_SEV_LAUNCH_FINISH" && times > 0 && times-- > 0;
    return busy ? Verdict::Fail(EINTR) : Verdict();
  };
  EXPECT_TRUE(Run(SetupOf(IsolationMode::kSev)));
  EXPECT_EQ(kvm_->CountOf("KVM_SEV_LAUNCH_FINISH"), 6u);
}

TEST_F(SevLaunchTest, AFirmwareThatStaysBusyIsAnError) {
  kvm_->intercept = [](const Call& call) {
    return call.name == "KVM_SEV_LAUNCH_FINISH" ? Verdict::Fail(EAGAIN) : Verdict();
  };
  const Result<> ran = Run(SetupOf(IsolationMode::kSev));
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().os_error, EAGAIN);
}

TEST_F(SevLaunchTest, AMeasurementWithoutLengthIsAnError) {
  kvm_->intercept = [](const Call& call) {
    return call.name == "KVM_SEV_LAUNCH_MEASURE" ? Verdict::Fail(EIO, SEV_RET_HWSEV_RET_PLATFORM)
                                                 : Verdict();
  };
  const Result<> ran = Run(SetupOf(IsolationMode::kSev));
  ASSERT_FALSE(ran);
  EXPECT_NE(ran.error().message.find("KVM_SEV_LAUNCH_MEASURE"), std::string::npos);
}

TEST_F(SevLaunchTest, ATableOutsideTheGuestsMemoryNamesTheOption) {
  LaunchSetup setup = SetupOf(IsolationMode::kSev);
  setup.memory = 2 * kMiB;  // the table wants to be above 8 MiB
  const Result<> ran = Run(setup);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(ran.error().hint.find("--memory"), std::string::npos);
}

}  // namespace
}  // namespace sealvm::model
