// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/hex_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

TEST(HexTextTest, NumbersMayHaveAPrefix) {
  for (const char* text : {"0x21", "0X21", "21", "0021", "0x21"}) {
    EXPECT_EQ(ParseHexNumber(text, 0xff).value_or(0), 0x21u) << text;
  }
  EXPECT_EQ(ParseHexNumber("aBcD", UINT64_MAX).value_or(0), 0xabcdu);
  EXPECT_EQ(ParseHexNumber("0", 0).value_or(1), 0u);
  EXPECT_EQ(ParseHexNumber("ffffffffffffffff", UINT64_MAX).value_or(0), UINT64_MAX);
}

TEST(HexTextTest, WhatIsNoNumberIsQuoted) {
  for (const char* text : {"", "0x", "x", "-1", "+1", " 1", "1 ", "0x0x1", "12g"}) {
    const auto number = ParseHexNumber(text, UINT64_MAX);
    ASSERT_FALSE(number.has_value()) << text;
    EXPECT_THAT(number.error().message, HasSubstr("'" + std::string(text) + "' is no hexadecimal"));
  }
}

TEST(HexTextTest, NumbersHaveABound) {
  EXPECT_TRUE(ParseHexNumber("ff", 0xff).has_value());
  for (const char* text : {"100", "ffffffffffffffffff"}) {
    const auto number = ParseHexNumber(text, 0xff);
    ASSERT_FALSE(number.has_value());
    EXPECT_THAT(number.error().ToString(), HasSubstr("up to 0xff"));
  }
}

TEST(HexTextTest, BytesNeedAllTheirDigits) {
  std::array<uint8_t, 3> bytes = {};
  ASSERT_TRUE(ParseHexBytes("00Fa1b", bytes).has_value());
  EXPECT_EQ(bytes, (std::array<uint8_t, 3>{0x00, 0xfa, 0x1b}));
  for (const char* text : {"", "00fa1", "00fa1b0", "00fa1x", "0x00fa"}) {
    EXPECT_FALSE(ParseHexBytes(text, bytes).has_value()) << text;
  }
}

}  // namespace
}  // namespace sealvm
