// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/hex.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/crypto/digest.h"

namespace sealvm::attestation {
namespace {

TEST(HexTest, ReadsBothCasesAndWritesLower) {
  const auto bytes = ParseHex("00Ff1a", 3, "--x");
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(HexText(*bytes), "00ff1a");
}

TEST(HexTest, PadsBehindWhenAllowed) {
  EXPECT_EQ(HexText(*ParseHex("ab", 4, "--x", true)), "ab000000");
  ExpectInvalidInput(ParseHex("ab", 4, "--x"), "--x: 2 hexadecimal digits");
  ExpectInvalidInput(ParseHex("abcdef", 2, "--x", true), "6 hexadecimal digits");
}

TEST(HexTest, RefusesOddLengthsAndOtherCharacters) {
  ExpectInvalidInput(ParseHex("abc", 2, "--x", true), "3 hexadecimal digits");
  ExpectInvalidInput(ParseHex("", 2, "--x", true), "0 hexadecimal digits");
  ExpectInvalidInput(ParseHex("ab0x", 2, "--x"), "'0x' is not hexadecimal");
}

TEST(NumberTest, HexadecimalNeedsItsPrefix) {
  EXPECT_EQ(*ParseNumber("0x30000", "--p"), 0x30000u);
  EXPECT_EQ(*ParseNumber("30000", "--p"), 30000u);
  EXPECT_EQ(*ParseNumber("0xffffffffffffffff", "--p"), UINT64_MAX);
}

TEST(NumberTest, RefusesWhatIsNone) {
  for (const char* text : {"", "0x", "-1", "3z", "0x10000000000000000", " 1"}) {
    ExpectInvalidInput(ParseNumber(text, "--p"), "--p: '");
  }
}

}  // namespace
}  // namespace sealvm::attestation
