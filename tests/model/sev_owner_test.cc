// SPDX-License-Identifier: Apache-2.0
// What SEV and SEV-ES launches have to do with the guest's owner, on a double of the host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tests/model/machine_fixture.h"
#include "vmm/crypto/digest.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;

// The model's key is its own, so that the packet's HMAC is not what is looked at here.
TEST_F(MachineTest, TheOwnerIsToldOfTheMeasurementBeforeTheSecret) {
  MachineConfig config = ConfigOf(IsolationMode::kSevEs);
  config.launch.measurement_file = WriteFile("measurement", {});
  config.launch.secret_file = WriteFile("secret", Bytes(52 + 64, 0x11));
  const Result<> created = Create(config);
  ASSERT_TRUE(created) << created.error().ToString();
  const std::vector<std::string> calls = kvm_->calls();
  const auto at = [&](std::string_view name) {
    return std::ranges::find(calls, name) - calls.begin();
  };
  EXPECT_LT(at("KVM_SEV_LAUNCH_MEASURE"), at("KVM_SEV_LAUNCH_SECRET"));
  EXPECT_LT(at("KVM_SEV_LAUNCH_SECRET"), at("KVM_SEV_LAUNCH_FINISH"));
  EXPECT_THAT(ReadText(config.launch.measurement_file), HasSubstr(HexText(Measured(config))));

  config.launch.secret_file = WriteFile("secret", Bytes(52 + 0x1000, 0x11));
  const Result<> too_large = Create(config);
  ASSERT_FALSE(too_large);
  EXPECT_THAT(too_large.error().message, HasSubstr("--sev-secret"));
}

}  // namespace
}  // namespace sealvm::model
