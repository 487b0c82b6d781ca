// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sealvm {
namespace {

TEST(Median, IsTheMiddleWhateverTheOrder) { EXPECT_EQ(Median({9, 1, 5}), 5); }
TEST(Median, OfAnEvenNumberLiesBetweenTheMiddleTwo) { EXPECT_EQ(Median({4, 1, 100, 2}), 3); }
TEST(Median, OfNothingIsNotANumber) { EXPECT_TRUE(std::isnan(Median({}))); }

TEST(MedianRatio, ComparesRoundByRound) {
  // The machine is ten times slower in the last two rounds; the ratio stays 2.
  EXPECT_EQ(MedianRatio({2, 20, 20}, {1, 10, 10}), 2);
}
TEST(MedianRatio, LeavesOutRoundsThatOneSideLacks) {
  EXPECT_EQ(MedianRatio({2, 4, 100, 100}, {1, 2}), 2);
  EXPECT_EQ(MedianRatio({2, 4}, {1, 0}), 2);
}

}  // namespace
}  // namespace sealvm
