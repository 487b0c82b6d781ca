// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/text_buffer.h"

#include <gtest/gtest.h>

namespace sealvm::diag {
namespace {

class TextBufferTest : public testing::Test {
 protected:
  char storage_[64];
  TextBuffer text_{storage_};
};

TEST_F(TextBufferTest, StartsEmpty) { EXPECT_EQ(text_.view(), ""); }

TEST_F(TextBufferTest, WritesTheLargestNumberInDecimalAndHex) {
  text_.Decimal(UINT64_MAX).Char(' ').Hex(UINT64_MAX);
  EXPECT_EQ(text_.view(), "18446744073709551615 0xffffffffffffffff");
}

TEST_F(TextBufferTest, WritesZero) {
  text_.Decimal(0).Char(' ').Hex(0).Char(' ').Hex(0, 4);
  EXPECT_EQ(text_.view(), "0 0x0 0x0000");
}

TEST_F(TextBufferTest, HexWithMoreDigitsThanAskedForIsNotCut) {
  EXPECT_EQ(text_.Hex(0x12345, 2).view(), "0x12345");
}

TEST_F(TextBufferTest, PadsOnTheRightForTextAndOnTheLeftForNumbers) {
  text_.Padded("ab", 4).Char('|').Decimal(7, 3);
  EXPECT_EQ(text_.view(), "ab  |  7");
}

TEST_F(TextBufferTest, PaddingNeverCutsText) {
  EXPECT_EQ(text_.Padded("abcdef", 3).view(), "abcdef");
}

TEST_F(TextBufferTest, SizeTakesTheLargestUnit) {
  text_.Size(1023).Char(',').Size(1024).Char(',').Size(639 * 1024).Char(',');
  text_.Size(uint64_t{4} << 30).Char(',').Size(uint64_t{3} << 40);
  EXPECT_EQ(text_.view(), "1023 bytes,1 KiB,639 KiB,4 GiB,3 TiB");
}

TEST_F(TextBufferTest, SizeKeepsOneDecimalRoundedDown) {
  text_.Size(1536).Char(',').Size(2047).Char(',').Size((uint64_t{1} << 40) - 1);
  EXPECT_EQ(text_.view(), "1.5 KiB,1.9 KiB,1023.9 GiB");
}

TEST_F(TextBufferTest, SecondsHaveThreeDecimals) {
  text_.Seconds(0).Char(',').Seconds(81'999).Char(',').Seconds(61'050'000);
  EXPECT_EQ(text_.view(), "0.000,0.081,61.050");
}

TEST_F(TextBufferTest, ClearStartsAnew) {
  text_.Text("old").Clear();
  EXPECT_EQ(text_.Text("new").view(), "new");
}

TEST(TextBufferLimit, WhatDoesNotFitIsCutOffAndNothingBehindIsTouched) {
  char storage[5] = {'x', 'x', 'x', 'x', 'x'};
  TextBuffer text(std::span(storage, 4));
  text.Text("abc").Hex(0xffff, 16);
  EXPECT_EQ(text.view(), "abc0");
  EXPECT_EQ(storage[4], 'x');
}

TEST(TextBufferLimit, NoStorageIsNoProblem) {
  TextBuffer text{std::span<char>()};
  EXPECT_EQ(text.Text("abc").Decimal(1).view(), "");
}

}  // namespace
}  // namespace sealvm::diag
