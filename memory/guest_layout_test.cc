// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_layout.h"

#include <gtest/gtest.h>

#include <limits>

namespace sealvm {
namespace {

TEST(GuestLayoutTest, SmallGuestIsOneRangeFromZero) {
  const Result<GuestLayout> layout = GuestLayout::Create(512 * kMiB);
  ASSERT_TRUE(layout);
  ASSERT_EQ(layout->ram().size(), 1u);
  EXPECT_EQ(layout->low_ram(), (RamRange{0, 512 * kMiB, 0}));
  EXPECT_EQ(layout->ram_end(), 512 * kMiB);
}

TEST(GuestLayoutTest, ExactlyThreeGigabytesNeedNoHighRange) {
  const Result<GuestLayout> layout = GuestLayout::Create(3 * kGiB);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->ram().size(), 1u);
}

TEST(GuestLayoutTest, WhatDoesNotFitBelowTheHoleLiesFromFourGigabytesOn) {
  const Result<GuestLayout> layout = GuestLayout::Create(3 * kGiB + kPageSize);
  ASSERT_TRUE(layout);
  ASSERT_EQ(layout->ram().size(), 2u);
  EXPECT_EQ(layout->ram()[1], (RamRange{4 * kGiB, kPageSize, 3 * kGiB}));
  EXPECT_EQ(layout->ram_end(), 4 * kGiB + kPageSize);
}

class GuestLayoutBadSizeTest : public testing::TestWithParam<uint64_t> {};

TEST_P(GuestLayoutBadSizeTest, IsRefusedAsBadInput) {
  const Result<GuestLayout> layout = GuestLayout::Create(GetParam());
  ASSERT_FALSE(layout);
  EXPECT_EQ(layout.error().kind, ErrorKind::kInvalidInput);
}

INSTANTIATE_TEST_SUITE_P(Sizes, GuestLayoutBadSizeTest,
                         testing::Values(0, kPageSize, kMinRamSize - kPageSize, kMinRamSize + 1,
                                         kMaxRamSize + kPageSize,
                                         std::numeric_limits<uint64_t>::max()));

TEST(GuestLayoutTest, LargestGuestIsAccepted) {
  const Result<GuestLayout> layout = GuestLayout::Create(kMaxRamSize);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->ram_end(), kMaxRamSize + 1 * kGiB);
}

}  // namespace
}  // namespace sealvm
