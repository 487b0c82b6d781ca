// SPDX-License-Identifier: Apache-2.0
#include "devices/io/rate_limiter.h"

#include <gtest/gtest.h>

#include <limits>

namespace sealvm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

const RateLimiter::Clock::time_point kStart{seconds(1000)};

TEST(RateLimiterTest, WithoutLimitsEverythingPasses) {
  RateLimiter limiter({}, kStart);

  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(limiter.Take(std::numeric_limits<uint64_t>::max(), kStart));
  }
}

TEST(RateLimiterTest, TheBurstPassesAtOnceAndTheNextOperationWaitsForItsToken) {
  RateLimiter limiter({.ops_per_second = 10, .ops_burst = 3}, kStart);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.Take(1, kStart));

  EXPECT_EQ(limiter.Take(1, kStart), milliseconds(100));
  EXPECT_EQ(limiter.Take(1, kStart + milliseconds(40)), milliseconds(60));
  EXPECT_FALSE(limiter.Take(1, kStart + milliseconds(100)));
}

TEST(RateLimiterTest, ABurstOfZeroIsOneSecondsWorth) {
  RateLimiter limiter({.ops_per_second = 5}, kStart);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limiter.Take(1, kStart));

  EXPECT_TRUE(limiter.Take(1, kStart));
}

TEST(RateLimiterTest, IdleTimeFillsNoMoreThanTheBurst) {
  RateLimiter limiter({.ops_per_second = 10, .ops_burst = 2}, kStart);
  const auto later = kStart + seconds(3600);
  EXPECT_FALSE(limiter.Take(1, later));
  EXPECT_FALSE(limiter.Take(1, later));

  EXPECT_TRUE(limiter.Take(1, later));
}

TEST(RateLimiterTest, AnOperationLargerThanTheBurstPassesWhenFullAndIsPaidForAfterwards) {
  RateLimiter limiter({.bytes_per_second = 1000, .bytes_burst = 100}, kStart);
  EXPECT_FALSE(limiter.Take(1100, kStart));

  // One second of debt, then a hundredth of a token's burst for the next ten bytes.
  EXPECT_EQ(limiter.Take(10, kStart), milliseconds(1010));
  EXPECT_FALSE(limiter.Take(10, kStart + milliseconds(1010)));
}

TEST(RateLimiterTest, WhatWaitsTakesNothing) {
  RateLimiter limiter({.bytes_per_second = 1000, .ops_per_second = 1}, kStart);
  EXPECT_FALSE(limiter.Take(400, kStart));
  EXPECT_EQ(limiter.Take(600, kStart), seconds(1));

  // The refused 600 bytes are still there, with those of the second that passed.
  EXPECT_FALSE(limiter.Take(1000, kStart + seconds(1)));
}

TEST(RateLimiterTest, TheSlowerOfTheTwoLimitsSaysHowLongToWait) {
  RateLimiter limiter({.bytes_per_second = 100, .ops_per_second = 1, .ops_burst = 1}, kStart);
  EXPECT_FALSE(limiter.Take(500, kStart));

  EXPECT_EQ(limiter.Take(100, kStart), seconds(5));
}

TEST(RateLimiterTest, TheLargestNumbersDoNotWrap) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  RateLimiter limiter({.bytes_per_second = kMax, .bytes_burst = kMax}, kStart);
  EXPECT_FALSE(limiter.Take(kMax, kStart));
  EXPECT_EQ(limiter.Take(kMax, kStart), seconds(1));

  EXPECT_FALSE(limiter.Take(kMax, RateLimiter::Clock::time_point::max()));
}

TEST(RateLimiterTest, AWaitLongerThanTheClockIsCutShort) {
  RateLimiter limiter({.bytes_per_second = 1}, kStart);
  EXPECT_FALSE(limiter.Take(std::numeric_limits<uint64_t>::max(), kStart));

  EXPECT_EQ(limiter.Take(1, kStart), nanoseconds(std::numeric_limits<int64_t>::max()));
}

TEST(RateLimiterTest, AClockThatGoesBackGivesNothing) {
  RateLimiter limiter({.ops_per_second = 10, .ops_burst = 1}, kStart);
  EXPECT_FALSE(limiter.Take(1, kStart));

  EXPECT_EQ(limiter.Take(1, kStart - seconds(5)), milliseconds(100));
  EXPECT_FALSE(limiter.Take(1, kStart + milliseconds(100)));
}

}  // namespace
}  // namespace sealvm
