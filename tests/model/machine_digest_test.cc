// SPDX-License-Identifier: Apache-2.0
// Whole machines on a double of the host: what `run` launches has the digest that `measure` prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <openssl/sha.h>

#include <algorithm>
#include <string>

#include "tests/model/launch_fixture.h"
#include "tests/model/machine_fixture.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;

struct Case {
  IsolationMode mode;
  bool with_kernel;
  std::string_view firmware = {};  // none: FirmwareBuilder's
};

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  std::string name(IsolationModeName(info.param.mode));
  std::erase(name, '-');
  if (info.param.with_kernel) name += "Kernel";
  return info.param.firmware.empty() ? name : name + "GuestFw";
}

class MachineDigestTest : public MachineTest, public testing::WithParamInterface<Case> {
 protected:
  static MachineConfig Config(uint32_t cpus) {
    MachineConfig config = ConfigOf(GetParam().mode, cpus);
    if (!GetParam().firmware.empty()) {
      AddKernelFor(config, GetParam().firmware);
    } else if (GetParam().with_kernel) {
      AddKernel(config);
    }
    return config;
  }
};

TEST_P(MachineDigestTest, RunLaunchesWhatMeasureSaysWithAnyNumberOfVcpus) {
  for (uint32_t cpus = 1; cpus <= kMaxVcpus; ++cpus) {
    const MachineConfig config = Config(cpus);
    Renew();
    const Result<> created = Create(config);
    ASSERT_TRUE(created) << created.error().ToString();
    ASSERT_EQ(kvm_->vm().vcpus.size(), cpus);
    const Bytes measured = Measured(config);
    ASSERT_EQ(Found(), measured) << cpus;
    ASSERT_EQ(ToBytes(machine_->launch_digest()), measured) << cpus;
  }
}

TEST_P(MachineDigestTest, TheLaunchedGuestRuns) {
  ASSERT_TRUE(Create(Config(3)));
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
}

INSTANTIATE_TEST_SUITE_P(
    Modes, MachineDigestTest,
    testing::Values(Case{IsolationMode::kSev, false}, Case{IsolationMode::kSev, true},
                    Case{IsolationMode::kSevEs, false}, Case{IsolationMode::kSevEs, true},
                    Case{IsolationMode::kSnp, false}, Case{IsolationMode::kSnp, true},
                    Case{IsolationMode::kSnp, true, kGuestFw}, Case{IsolationMode::kTdx, false},
                    Case{IsolationMode::kTdx, true}, Case{IsolationMode::kTdx, true, kGuestFw}),
    CaseName);

TEST_F(MachineTest, FeaturesOfTheGuestAreMeasured) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp, 3);
  const Bytes plain = Measured(config);
  config.launch.guest_features = 0x21;
  ASSERT_TRUE(Create(config));
  EXPECT_EQ(Found(), Measured(config));
  EXPECT_NE(Found(), plain);
}

TEST_F(MachineTest, TheHostsSignatureIsMeasuredWhereNoneIsGiven) {
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.vcpu_signature.reset();
  ASSERT_TRUE(Create(config));
  config.launch.vcpu_signature = kSignature;
  EXPECT_EQ(Found(), Measured(config));
}

TEST_F(MachineTest, AnExpectedDigestIsTheOneOrThereIsNoVm) {
  for (const IsolationMode mode : kConfidentialModes) {
    MachineConfig config = ConfigOf(mode);
    config.launch.expected_digest = Measured(config);
    EXPECT_TRUE(Create(config)) << IsolationModeName(mode);
    config.launch.expected_digest[3] ^= 1;
    Renew();
    const Result<> refused = Create(config);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(refused.error().message, HasSubstr("--expect-digest"));
    EXPECT_FALSE(kvm_->has_vm());
  }
}

TEST_F(MachineTest, AHostWithoutTheModeIsRefused) {
  for (const IsolationMode mode : kConfidentialModes) {
    HostModel host = FullHost();
    host.vm_types = 1;
    Renew(host);
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
  Renew(host);
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

}  // namespace
}  // namespace sealvm::model
