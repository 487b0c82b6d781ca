// SPDX-License-Identifier: Apache-2.0
// The owner of a SEV-ES guest and a whole machine: measurement, secret.
#include <gmock/gmock.h>

#include "tests/model/launch_fixture.h"
#include "tests/model/machine_fixture.h"
#include "tests/model/sev_model.h"
#include "tests/model/sev_owner.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;

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
