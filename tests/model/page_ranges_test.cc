// SPDX-License-Identifier: Apache-2.0
#include "tests/model/page_ranges.h"

#include <gtest/gtest.h>

namespace sealvm::model {
namespace {

TEST(PageRangesTest, NeighboursCountAsOne) {
  PageRanges ranges;
  ranges.Add(10, 20);
  ranges.Add(20, 30);
  EXPECT_TRUE(ranges.Contains(10, 30));
  EXPECT_FALSE(ranges.Contains(9, 30));
  EXPECT_FALSE(ranges.Contains(10, 31));
}

TEST(PageRangesTest, RemovalSplits) {
  PageRanges ranges;
  ranges.Add(10, 40);
  ranges.Remove(20, 30);
  EXPECT_TRUE(ranges.Contains(10, 20));
  EXPECT_TRUE(ranges.Contains(30, 40));
  EXPECT_FALSE(ranges.Touches(20, 30));
  EXPECT_TRUE(ranges.Touches(29, 31));
}

TEST(PageRangesTest, RemovalTakesSeveral) {
  PageRanges ranges;
  ranges.Add(0, 5);
  ranges.Add(10, 15);
  ranges.Add(20, 25);
  ranges.Remove(3, 22);
  EXPECT_TRUE(ranges.Contains(0, 3));
  EXPECT_TRUE(ranges.Contains(22, 25));
  EXPECT_FALSE(ranges.Touches(3, 22));
}

}  // namespace
}  // namespace sealvm::model
