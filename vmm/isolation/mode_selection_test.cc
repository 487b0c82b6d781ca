// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/mode_selection.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

// Sealed is taken only when asked for, until its secrecy has been tested as widely as its boot.
TEST(SelectIsolationTest, AutoIsNone) {
  EXPECT_EQ(*SelectIsolation(IsolationMode::kAuto), IsolationMode::kNone);
}

TEST(SelectIsolationTest, ModeAskedForByNameIsItself) {
  EXPECT_EQ(*SelectIsolation(IsolationMode::kNone), IsolationMode::kNone);
  EXPECT_EQ(*SelectIsolation(IsolationMode::kSealed), IsolationMode::kSealed);
}

class UnimplementedModeTest : public testing::TestWithParam<IsolationMode> {};

TEST_P(UnimplementedModeTest, IsRefusedByNameAndNeverDowngraded) {
  const Result<IsolationMode> mode = SelectIsolation(GetParam());
  ASSERT_FALSE(mode);
  EXPECT_EQ(mode.error().kind, ErrorKind::kRefused);
  EXPECT_NE(mode.error().message.find(IsolationModeName(GetParam())), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Modes, UnimplementedModeTest,
                         testing::Values(IsolationMode::kSev, IsolationMode::kSevEs,
                                         IsolationMode::kSnp, IsolationMode::kTdx));

}  // namespace
}  // namespace sealvm
