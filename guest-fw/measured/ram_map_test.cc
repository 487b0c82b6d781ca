// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/ram_map.h"

#include <gtest/gtest.h>

#include <vector>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

constexpr uint64_t kEnd = uint64_t{1} << 47;
constexpr Range kLow = {.base = 0, .size = 256 * kOneMiB};

// Writes down what is accepted.
class Recorder final : public Isolation {
 public:
  std::vector<Range> accepted;

  Failure Start() override { return Failure::kNone; }
  Failure Out(uint16_t, unsigned, uint32_t) override { return Failure::kNone; }
  Failure In(uint16_t, unsigned, uint32_t*) override { return Failure::kNone; }
  CpuidResult Cpuid(uint32_t, uint32_t) override { return {}; }
  Failure Accept(const Range& range) override {
    accepted.push_back(range);
    return Failure::kNone;
  }
  Failure CloseWindow() override { return Failure::kNone; }
  void Terminate(Failure) override {}
};

TEST(RamMap, SortsAndJoins) {
  RamMap ram(kEnd);
  EXPECT_EQ(ram.Add({.base = kFourGiB, .size = kOneGiB}), Failure::kNone);
  EXPECT_EQ(ram.Add({.base = 0x100000, .size = kOneMiB}), Failure::kNone);
  EXPECT_EQ(ram.Add({.base = 0, .size = 0x100000}), Failure::kNone);
  ASSERT_EQ(ram.Finish(), Failure::kNone);
  ASSERT_EQ(ram.count(), 2u);
  EXPECT_EQ(ram.range(0), (Range{.base = 0, .size = 2 * kOneMiB}));
  EXPECT_EQ(ram.range(1), (Range{.base = kFourGiB, .size = kOneGiB}));
}

TEST(RamMap, RefusesWhatIsNoRange) {
  for (const Range& range :
       {Range{.base = 0, .size = 0}, Range{.base = 1, .size = kSmallPage},
        Range{.base = 0, .size = 4097}, Range{.base = ~uint64_t{0xfff}, .size = kSmallPage},
        Range{.base = kSmallPage, .size = ~uint64_t{0xfff}},
        Range{.base = kEnd, .size = kSmallPage},
        Range{.base = kEnd - kSmallPage, .size = 2 * kSmallPage},
        Range{.base = 0xfec00000, .size = kSmallPage}, Range{.base = 0, .size = kFourGiB},
        Range{.base = 0xfffff000, .size = kSmallPage}}) {
    RamMap ram(kEnd);
    EXPECT_EQ(ram.Add(range), Failure::kMemoryMap) << range.base << " " << range.size;
  }
}

TEST(RamMap, RefusesOverlaps) {
  for (const Range& second :
       {kLow, Range{.base = kLow.size - kSmallPage, .size = kOneMiB},
        Range{.base = kOneMiB, .size = kSmallPage}, Range{.base = 0, .size = kSmallPage}}) {
    RamMap ram(kEnd);
    ASSERT_EQ(ram.Add(kLow), Failure::kNone);
    EXPECT_EQ(ram.Add(second), Failure::kMemoryMap);
  }
}

TEST(RamMap, RefusesTooManyRanges) {
  RamMap ram(kEnd);
  for (uint64_t i = 0; i < RamMap::kMaxRanges; ++i) {
    ASSERT_EQ(ram.Add({.base = i * kOneMiB, .size = kSmallPage}), Failure::kNone);
  }
  EXPECT_EQ(ram.Add({.base = kOneGiB, .size = kSmallPage}), Failure::kMemoryMap);
}

TEST(RamMap, RefusesMachinesWithoutLowRam) {
  RamMap none(kEnd);
  EXPECT_EQ(none.Finish(), Failure::kMemoryMap);
  RamMap high(kEnd);
  ASSERT_EQ(high.Add({.base = kOneMiB, .size = kOneGiB}), Failure::kNone);
  EXPECT_EQ(high.Finish(), Failure::kMemoryMap);
  RamMap small(kEnd);
  ASSERT_EQ(small.Add({.base = 0, .size = kOneMiB}), Failure::kNone);
  EXPECT_EQ(small.Finish(), Failure::kMemoryMap);
}

TEST(RamMap, TakesFromBothEndsWithoutOverlap) {
  RamMap ram(kEnd);
  ASSERT_EQ(ram.Add(kLow), Failure::kNone);
  ASSERT_EQ(ram.Finish(), Failure::kNone);
  uint64_t base = 0;
  ASSERT_TRUE(ram.TakeTop(5000, kFourGiB, &base));
  EXPECT_EQ(base, kLow.size - 2 * kSmallPage);
  ASSERT_TRUE(ram.TakeTop(kSmallPage, 100 * kOneMiB, &base));
  EXPECT_EQ(base, 100 * kOneMiB - kSmallPage);
  EXPECT_FALSE(ram.TakeAt(0x9f000, kSmallPage));
  EXPECT_FALSE(ram.TakeAt(99 * kOneMiB, kOneMiB));
  EXPECT_TRUE(ram.TakeAt(16 * kOneMiB, kOneMiB));
  EXPECT_FALSE(ram.TakeAt(16 * kOneMiB, kSmallPage));
  ASSERT_TRUE(ram.TakeBottom(kSmallPage, kLargePage, &base));
  EXPECT_EQ(base, 18 * kOneMiB);
  EXPECT_FALSE(ram.TakeTop(kLow.size, kFourGiB, &base));
  EXPECT_FALSE(ram.TakeTop(~uint64_t{0}, kFourGiB, &base));
  EXPECT_FALSE(ram.TakeTop(kSmallPage, 0, &base));
  EXPECT_FALSE(ram.TakeBottom(~uint64_t{0}, kLargePage, &base));
}

TEST(AcceptRam, LeavesOutWhatTheLaunchAndTheWindowHave) {
  RamMap ram(kEnd);
  ASSERT_EQ(ram.Add(kLow), Failure::kNone);
  ASSERT_EQ(ram.Add({.base = kFourGiB, .size = kOneGiB}), Failure::kNone);
  ASSERT_EQ(ram.Finish(), Failure::kNone);

  Recorder snp;
  EXPECT_EQ(AcceptRam(snp, IsolationKind::kSnp, ram), Failure::kNone);
  EXPECT_EQ(snp.accepted, (std::vector<Range>{{.base = 0, .size = WORK_BASE},
                                              {.base = SHARED_END, .size = 0xa0000 - SHARED_END},
                                              {.base = kOneMiB, .size = kLow.size - kOneMiB},
                                              {.base = kFourGiB, .size = kOneGiB}}));
  Recorder tdx;
  EXPECT_EQ(AcceptRam(tdx, IsolationKind::kTdx, ram), Failure::kNone);
  EXPECT_EQ(tdx.accepted, (std::vector<Range>{{.base = 0, .size = WORK_BASE},
                                              {.base = SHARED_END, .size = kLow.size - SHARED_END},
                                              {.base = kFourGiB, .size = kOneGiB}}));
}

}  // namespace
}  // namespace sealvm::measured
