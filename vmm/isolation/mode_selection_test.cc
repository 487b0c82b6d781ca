// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/mode_selection.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

TEST(CheckImplementedTest, TakesWhatThisVersionHas) {
  for (const IsolationMode mode :
       {IsolationMode::kAuto, IsolationMode::kNone, IsolationMode::kSealed}) {
    EXPECT_TRUE(CheckImplemented(mode).has_value());
  }
}

class UnimplementedModeTest : public testing::TestWithParam<IsolationMode> {};

TEST_P(UnimplementedModeTest, IsRefusedByNameAndNeverDowngraded) {
  const Result<> mode = CheckImplemented(GetParam());
  ASSERT_FALSE(mode);
  EXPECT_EQ(mode.error().kind, ErrorKind::kRefused);
  EXPECT_NE(mode.error().message.find(IsolationModeName(GetParam())), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Modes, UnimplementedModeTest,
                         testing::Values(IsolationMode::kSev, IsolationMode::kSevEs,
                                         IsolationMode::kSnp, IsolationMode::kTdx));

}  // namespace
}  // namespace sealvm
