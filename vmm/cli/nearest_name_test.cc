// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/nearest_name.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

constexpr std::string_view kNames[] = {"memory", "cpus", "kernel", "kernel-protocol", "rng"};

TEST(EditDistanceTest, CountsEachKindOfMistake) {
  EXPECT_EQ(EditDistance("memory", "memory"), 0u);
  EXPECT_EQ(EditDistance("memry", "memory"), 1u);
  EXPECT_EQ(EditDistance("memoryy", "memory"), 1u);
  EXPECT_EQ(EditDistance("nemory", "memory"), 1u);
  EXPECT_EQ(EditDistance("meomry", "memory"), 1u);
}

TEST(EditDistanceTest, IsTheLengthAgainstNothing) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("abc", ""), 3u);
  EXPECT_EQ(EditDistance("", ""), 0u);
}

TEST(NearestNameTest, FindsTheNearest) {
  EXPECT_EQ(NearestName("memroy", kNames), "memory");
  EXPECT_EQ(NearestName("cpu", kNames), "cpus");
  EXPECT_EQ(NearestName("kernal", kNames), "kernel");
}

TEST(NearestNameTest, FindsNothingWhenNothingIsNear) {
  EXPECT_EQ(NearestName("disk", kNames), "");
  EXPECT_EQ(NearestName("", kNames), "");
  EXPECT_EQ(NearestName("xyz", kNames), "");
  EXPECT_EQ(NearestName(std::string(100'000, 'm'), kNames), "");
}

TEST(SuggestionTest, NamesTheNearestWithItsPrefix) {
  EXPECT_EQ(Suggestion("memroy", kNames, "--"), "did you mean '--memory'?");
  EXPECT_EQ(Suggestion("qqqqqq", kNames), "");
}

}  // namespace
}  // namespace sealvm
