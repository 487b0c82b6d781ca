// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/exit_code.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

int CodeOf(ExitReason reason) { return ExitCodeOf(ExitReport{reason, 0, {}}, false); }

TEST(ExitCodeTest, FollowsTheReason) {
  EXPECT_EQ(CodeOf(ExitReason::kPowerOff), 0);
  EXPECT_EQ(CodeOf(ExitReason::kReset), 0);
  EXPECT_EQ(CodeOf(ExitReason::kPanic), 3);
  EXPECT_EQ(CodeOf(ExitReason::kTripleFault), 3);
  EXPECT_EQ(CodeOf(ExitReason::kError), 1);
}

TEST(ExitCodeTest, FollowsTheKindOfError) {
  EXPECT_EQ(ExitCodeOf(HostError("x").error()), 1);
  EXPECT_EQ(ExitCodeOf(InvalidInput("x").error()), 2);
  EXPECT_EQ(ExitCodeOf(Refused("x").error()), 5);
  EXPECT_EQ(ExitCodeOf(ExitReport{ExitReason::kError, 0, Refused("x").error()}, false), 5);
}

TEST(ExitCodeTest, GuestCodeCountsOnlyWhenAskedFor) {
  const ExitReport report = {ExitReason::kGuestExit, 42, {}};
  EXPECT_EQ(ExitCodeOf(report, false), 0);
  EXPECT_EQ(ExitCodeOf(report, true), 42);
}

TEST(ExitCodeTest, LargeGuestCodeIsNotTakenForSuccess) {
  EXPECT_EQ(ExitCodeOf(ExitReport{ExitReason::kGuestExit, 256, {}}, true), 255);
  EXPECT_EQ(ExitCodeOf(ExitReport{ExitReason::kGuestExit, UINT32_MAX, {}}, true), 255);
}

}  // namespace
}  // namespace sealvm
