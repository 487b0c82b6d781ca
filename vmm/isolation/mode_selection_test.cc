// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/mode_selection.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

TEST(SelectIsolationTest, AutoTakesTheStrongestImplementedMode) {
  EXPECT_EQ(*SelectIsolation(IsolationMode::kAuto), IsolationMode::kNone);
}

TEST(SelectIsolationTest, NoneIsNone) {
  EXPECT_EQ(*SelectIsolation(IsolationMode::kNone), IsolationMode::kNone);
}

class UnimplementedModeTest : public testing::TestWithParam<IsolationMode> {};

TEST_P(UnimplementedModeTest, IsRefusedByNameAndNeverDowngraded) {
  const Result<IsolationMode> mode = SelectIsolation(GetParam());
  ASSERT_FALSE(mode);
  EXPECT_EQ(mode.error().kind, ErrorKind::kRefused);
  EXPECT_NE(mode.error().message.find(IsolationModeName(GetParam())), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Modes, UnimplementedModeTest,
                         testing::Values(IsolationMode::kSealed, IsolationMode::kSev,
                                         IsolationMode::kSevEs, IsolationMode::kSnp,
                                         IsolationMode::kTdx));

}  // namespace
}  // namespace sealvm
