// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/td_hob.h"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "guest-fw/measured/layout.h"
#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

constexpr Range kLow = {.base = 0, .size = kOneGiB};
constexpr Range kHigh = {.base = kFourGiB, .size = kOneGiB};
constexpr size_t kFirst = 56;  // of the resource descriptors

class TdHobTest : public testing::Test {
 protected:
  template <typename T>
  void Put(size_t at, T value) {
    memcpy(list_.data() + at, &value, sizeof(value));
  }

  Failure Read() {
    list_.resize(TD_HOB_SIZE);
    return ReadTdHob(list_.data(), TD_HOB, TD_HOB_SIZE, &ram_);
  }

  std::vector<uint8_t> list_ = MakeTdHob({kLow, kHigh});
  RamMap ram_{uint64_t{1} << 47};
};

TEST_F(TdHobTest, GivesRam) {
  ASSERT_EQ(Read(), Failure::kNone);
  ASSERT_EQ(ram_.count(), 2u);
  EXPECT_EQ(ram_.range(0), kLow);
  EXPECT_EQ(ram_.range(1), kHigh);
}

TEST_F(TdHobTest, TakesAcceptedAndUnacceptedMemoryAlike) {
  Put<uint32_t>(kFirst + 24, 0);
  ASSERT_EQ(Read(), Failure::kNone);
  EXPECT_EQ(ram_.count(), 2u);
}

TEST_F(TdHobTest, LeavesOtherResourcesAlone) {
  Put<uint32_t>(kFirst + 48 + 24, 1);  // memory-mapped I/O
  ASSERT_EQ(Read(), Failure::kNone);
  EXPECT_EQ(ram_.count(), 1u);
}

TEST_F(TdHobTest, RefusesOverlaps) {
  Put<uint64_t>(kFirst + 48 + 32, kOneGiB - kSmallPage);
  EXPECT_EQ(Read(), Failure::kMemoryMap);
}

TEST_F(TdHobTest, RefusesRangesThatWrap) {
  Put<uint64_t>(kFirst + 48 + 40, ~uint64_t{0xfff});
  EXPECT_EQ(Read(), Failure::kMemoryMap);
}

TEST_F(TdHobTest, RefusesSharedAddresses) {
  Put<uint64_t>(kFirst + 48 + 32, uint64_t{1} << 47);
  EXPECT_EQ(Read(), Failure::kMemoryMap);
}

TEST_F(TdHobTest, RefusesAListThatEndsOutside) {
  for (const uint64_t end : {uint64_t{TD_HOB} + TD_HOB_SIZE + 1, uint64_t{0}, uint64_t{TD_HOB} - 8,
                             uint64_t{TD_HOB} + 60, ~uint64_t{0}}) {
    Put(48, end);
    EXPECT_EQ(Read(), Failure::kTdHob) << end;
  }
}

TEST_F(TdHobTest, RefusesBlocksOfImpossibleLengths) {
  for (const uint16_t length : {0, 7, 40, 49, 0xffff}) {
    RamMap ram(uint64_t{1} << 47);
    Put(kFirst + 2, length);
    list_.resize(TD_HOB_SIZE);
    EXPECT_NE(ReadTdHob(list_.data(), TD_HOB, TD_HOB_SIZE, &ram), Failure::kNone) << length;
  }
}

TEST_F(TdHobTest, RefusesReservedFields) {
  Put<uint32_t>(kFirst + 4, 1);
  EXPECT_EQ(Read(), Failure::kTdHob);
}

TEST_F(TdHobTest, RefusesAnotherStart) {
  Put<uint32_t>(8, 8);  // version
  EXPECT_EQ(Read(), Failure::kTdHob);
}

TEST_F(TdHobTest, RefusesAListWithoutEnd) {
  Put<uint16_t>(kFirst + 96, 4);
  EXPECT_EQ(Read(), Failure::kTdHob);
}

}  // namespace
}  // namespace sealvm::measured
