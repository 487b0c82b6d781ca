// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/cpuid_page.h"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

class CpuidPageTest : public testing::Test {
 protected:
  void Put(size_t at, uint32_t value) { memcpy(page_.data() + at, &value, sizeof(value)); }
  Failure Check() const { return CpuidPage(page_.data()).Check(); }

  std::vector<uint8_t> page_ = MakeCpuidPage();
};

TEST_F(CpuidPageTest, AnswersFromTheTable) {
  ASSERT_EQ(Check(), Failure::kNone);
  const CpuidPage page(page_.data());
  EXPECT_EQ(page.Find(0, 0).eax, 0x10u);
  EXPECT_EQ(page.Find(0x8000001f, 0).ebx, 51u);
  EXPECT_EQ(page.Find(7, 0).ebx, 0u);
  EXPECT_EQ(page.Find(0, 1).eax, 0u);
}

TEST_F(CpuidPageTest, RefusesNumbersThatDoNotFit) {
  for (const uint32_t count : {0u, 65u, 0xffffffffu}) {
    Put(0, count);
    EXPECT_EQ(Check(), Failure::kCpuidPage) << count;
  }
}

TEST_F(CpuidPageTest, RefusesOneFunctionMoreThanThereCanBe) {
  const auto put_functions = [&](uint32_t count) {
    page_ = MakeCpuidPage();
    for (uint32_t i = 2; i < count; ++i) Put(16 + i * 48, 0x40000000 + i);
    Put(0, count);
  };
  put_functions(64);
  EXPECT_EQ(Check(), Failure::kNone);
  put_functions(65);
  EXPECT_EQ(Check(), Failure::kCpuidPage);
}

TEST_F(CpuidPageTest, RefusesAnotherCBit) {
  for (const uint32_t bit : {0u, 40u, 47u, 50u}) {
    page_ = MakeCpuidPage(bit);
    EXPECT_EQ(Check(), Failure::kCpuidPage) << bit;
  }
}

TEST_F(CpuidPageTest, RefusesAPageWithoutTheCBitsFunction) {
  Put(64, 0x8000001e);
  EXPECT_EQ(Check(), Failure::kCpuidPage);
}

TEST_F(CpuidPageTest, RefusesTwoAnswersToOneQuestion) {
  Put(0, 3);
  memcpy(page_.data() + 112, page_.data() + 64, 48);
  Put(112 + 28, 40);
  EXPECT_EQ(Check(), Failure::kCpuidPage);
}

TEST_F(CpuidPageTest, ExtendedStateMayHaveAnAnswerForEachXcr0) {
  Put(0, 4);
  Put(112, 0xd);
  Put(112 + 8, 1);
  Put(160, 0xd);
  Put(160 + 8, 3);
  EXPECT_EQ(Check(), Failure::kNone);
  Put(160 + 8, 1);
  EXPECT_EQ(Check(), Failure::kCpuidPage);
}

TEST_F(CpuidPageTest, RefusesReservedFields) {
  for (const size_t at : {4, 8, 12, 16 + 40, 64 + 44}) {
    page_ = MakeCpuidPage();
    Put(at, 1);
    EXPECT_EQ(Check(), Failure::kCpuidPage) << at;
  }
}

}  // namespace
}  // namespace sealvm::measured
