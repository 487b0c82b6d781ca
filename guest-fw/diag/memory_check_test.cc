// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/memory_check.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "memory/base/fd.h"

namespace sealvm::diag {
namespace {

constexpr uint64_t kPage = 4096;

std::vector<PageSpan> NonEmpty(const CheckPlan& plan) {
  std::vector<PageSpan> spans;
  for (const PageSpan& span : plan.spans()) {
    if (span.size() != 0) {
      spans.push_back(span);
    }
  }
  std::ranges::sort(spans, {}, &PageSpan::start);
  return spans;
}

TEST(CheckPlan, TakesWholePagesOfUsableRangesOnly) {
  const MemoryRange ranges[] = {{0x0800, 0x3000, RangeType::kUsable},
                                {0x5000, 0x1000, RangeType::kReserved},
                                {0x8000, 0x1000, RangeType::kAcpiReclaimable},
                                {0x9001, 0x0ffe, RangeType::kUsable}};
  const CheckPlan plan(ranges);
  EXPECT_EQ(NonEmpty(plan), (std::vector<PageSpan>{{0x1000, 0x3000}}));
  EXPECT_EQ(plan.bytes(), 0x2000u);
}

TEST(CheckPlan, ARangeUpToTheLastAddressDoesNotWrap) {
  const MemoryRange ranges[] = {{UINT64_MAX - 10, 10, RangeType::kUsable}};
  EXPECT_EQ(CheckPlan(ranges).bytes(), 0u);
}

class ExcludeTest : public testing::Test {
 protected:
  static constexpr MemoryRange kRanges[] = {{0x10000, 0x10000, RangeType::kUsable}};
  CheckPlan plan_{kRanges};
};

TEST_F(ExcludeTest, SplitsASpan) {
  plan_.Exclude(0x14000, 0x15000);
  EXPECT_EQ(NonEmpty(plan_), (std::vector<PageSpan>{{0x10000, 0x14000}, {0x15000, 0x20000}}));
}

TEST_F(ExcludeTest, TakesAwayThePagesThatItTouches) {
  plan_.Exclude(0x14fff, 0x15001);
  EXPECT_EQ(NonEmpty(plan_), (std::vector<PageSpan>{{0x10000, 0x14000}, {0x16000, 0x20000}}));
}

TEST_F(ExcludeTest, CutsAtEitherEnd) {
  plan_.Exclude(0, 0x11000);
  plan_.Exclude(0x1f000, 0x100000);
  EXPECT_EQ(NonEmpty(plan_), (std::vector<PageSpan>{{0x11000, 0x1f000}}));
}

TEST_F(ExcludeTest, CanTakeEverything) {
  plan_.Exclude(0, UINT64_MAX);
  EXPECT_EQ(plan_.bytes(), 0u);
}

TEST_F(ExcludeTest, NeighboursAndEmptyRangesChangeNothing) {
  plan_.Exclude(0, 0x10000);
  plan_.Exclude(0x20000, 0x30000);
  plan_.Exclude(0x14000, 0x14000);
  EXPECT_EQ(plan_.bytes(), 0x10000u);
}

class RoomTest : public testing::Test {
 protected:
  // Not in the order of addresses, as after Exclude.
  static constexpr MemoryRange kRanges[] = {{0x50'0000, 0x30'1000, RangeType::kUsable},
                                            {0x10'1000, 0x20'0000, RangeType::kUsable},
                                            {0x90'0000, 0x1000, RangeType::kUsable}};
  CheckPlan plan_{kRanges};
};

TEST_F(RoomTest, TheLowestBeginsAtALargePageWhereItCan) {
  EXPECT_EQ(plan_.Lowest(0x10'1000), (PageSpan{0x20'0000, 0x30'1000}));
  EXPECT_EQ(plan_.Lowest(0x20'0000), (PageSpan{0x60'0000, 0x80'0000}));
  EXPECT_EQ(plan_.Lowest(0x30'0000), (PageSpan{0x50'0000, 0x80'0000}));
}

TEST_F(RoomTest, TheHighestEndsWithRam) {
  EXPECT_EQ(plan_.Highest(0x1000), (PageSpan{0x90'0000, 0x90'1000}));
  EXPECT_EQ(plan_.Highest(0x2000), (PageSpan{0x7f'f000, 0x80'1000}));
}

TEST_F(RoomTest, WhatIsLargerThanEverySpanHasNoRoom) {
  EXPECT_EQ(plan_.Lowest(0x30'2000), std::nullopt);
  EXPECT_EQ(plan_.Highest(0x30'2000), std::nullopt);
  EXPECT_EQ(plan_.Lowest(UINT64_MAX & ~(kPage - 1)), std::nullopt);
}

// Sixteen pages of memory that can be mapped more than once.
class MemoryCheckTest : public testing::Test {
 protected:
  static constexpr uint64_t kSize = 16 * kPage;

  void SetUp() override {
    fd_ = Fd(memfd_create("ram", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(fd_.get(), kSize), 0);
    base_ = static_cast<uint8_t*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0));
    ASSERT_NE(base_, MAP_FAILED);
  }
  void TearDown() override { munmap(base_, kSize); }

  uintptr_t base() const { return reinterpret_cast<uintptr_t>(base_); }

  Fd fd_;
  uint8_t* base_ = nullptr;
};

TEST_F(MemoryCheckTest, GoodMemoryPasses) {
  const PageSpan spans[] = {{0, kSize}};
  EXPECT_EQ(CheckMemory(base(), spans), std::nullopt);
}

TEST_F(MemoryCheckTest, TouchesEveryPageOfTheSpansAndNoOther) {
  const PageSpan spans[] = {{2 * kPage, 5 * kPage}, {9 * kPage, 10 * kPage}};
  ASSERT_EQ(CheckMemory(base(), spans), std::nullopt);
  for (uint64_t page = 0; page < 16; ++page) {
    const uint8_t* start = base_ + page * kPage;
    const bool touched = std::any_of(start, start + kPage, [](uint8_t b) { return b != 0; });
    EXPECT_EQ(touched, (page >= 2 && page < 5) || page == 9) << page;
  }
}

TEST_F(MemoryCheckTest, FindsAPageThatAppearsTwice) {
  ASSERT_NE(mmap(base_ + 12 * kPage, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                 fd_.get(), 3 * kPage),
            MAP_FAILED);
  const PageSpan spans[] = {{0, kSize}};
  const auto fault = CheckMemory(base(), spans);
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->address, 3 * kPage);
  EXPECT_NE(fault->found, fault->expected);
}

TEST_F(MemoryCheckTest, FindsAPageThatAppearsInAnotherSpan) {
  ASSERT_NE(
      mmap(base_ + 15 * kPage, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_.get(), 0),
      MAP_FAILED);
  const PageSpan spans[] = {{0, 2 * kPage}, {14 * kPage, kSize}};
  ASSERT_TRUE(CheckMemory(base(), spans).has_value());
}

}  // namespace
}  // namespace sealvm::diag
