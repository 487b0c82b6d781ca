// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/value_text.h"

#include <gtest/gtest.h>

#include "memory/guest_layout.h"

namespace sealvm {
namespace {

using std::chrono::nanoseconds;

TEST(ParseSizeTest, ReadsBinaryUnits) {
  EXPECT_EQ(*ParseSize("4096"), 4096u);
  EXPECT_EQ(*ParseSize("1K"), kKiB);
  EXPECT_EQ(*ParseSize("512M"), 512 * kMiB);
  EXPECT_EQ(*ParseSize("3G"), 3 * kGiB);
  EXPECT_EQ(*ParseSize("4T"), 4096 * kGiB);
}

TEST(ParseSizeTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "M", "3.5G", "3.5X", "1k", "1KB", "-1M", "+1M", " 1M", "1M ", "0x10",
                           "1e3", "1_000", "½G"}) {
    const Result<uint64_t> size = ParseSize(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().kind, ErrorKind::kInvalidInput) << text;
    EXPECT_NE(size.error().message.find(text), std::string::npos) << text;
  }
}

TEST(ParseSizeTest, RefusesOverflow) {
  EXPECT_FALSE(ParseSize("18446744073709551616"));
  EXPECT_FALSE(ParseSize("16777216T"));
  EXPECT_EQ(*ParseSize("16777215T"), uint64_t{16777215} << 40);
  EXPECT_EQ(*ParseSize("18446744073709551615"), UINT64_MAX);
}

TEST(FormatSizeTest, TakesTheLargestUnitThatDivides) {
  EXPECT_EQ(FormatSize(512 * kMiB), "512M");
  EXPECT_EQ(FormatSize(kGiB + kMiB), "1025M");
  EXPECT_EQ(FormatSize(1), "1");
  EXPECT_EQ(FormatSize(0), "0");
  EXPECT_EQ(FormatSize(2048 * kGiB), "2T");
}

TEST(FormatSizeTest, ParsesBack) {
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, uint64_t{1025}, 3 * kMiB, UINT64_MAX}) {
    EXPECT_EQ(*ParseSize(FormatSize(size)), size);
  }
}

TEST(ParseNumberTest, HoldsItsLimits) {
  EXPECT_EQ(*ParseNumber("1", 1, 64), 1u);
  EXPECT_EQ(*ParseNumber("64", 1, 64), 64u);
  EXPECT_FALSE(ParseNumber("0", 1, 64));
  EXPECT_FALSE(ParseNumber("65", 1, 64));
  EXPECT_FALSE(ParseNumber("99999999999999999999", 1, 64));
}

TEST(ParseNumberTest, RefusesWhatIsNoNumber) {
  for (const char* text : {"", "two", "1.0", "-1", "1 ", "0x1"}) {
    EXPECT_FALSE(ParseNumber(text, 0, 64)) << text;
  }
}

TEST(ParseSecondsTest, ReadsFractionsExactly) {
  EXPECT_EQ(*ParseSeconds("1"), nanoseconds(1'000'000'000));
  EXPECT_EQ(*ParseSeconds("0.25"), nanoseconds(250'000'000));
  EXPECT_EQ(*ParseSeconds("0.000000001"), nanoseconds(1));
  EXPECT_EQ(*ParseSeconds("2.50"), nanoseconds(2'500'000'000));
}

TEST(ParseSecondsTest, RefusesTheRest) {
  for (const char* text : {"", "0", "0.0", ".5", "1.", "1.0000000001", "-1", "1e3", "1,5", "inf",
                           "1000000001", "1.2.3", "99999999999999999999"}) {
    EXPECT_FALSE(ParseSeconds(text)) << text;
  }
}

TEST(FormatSecondsTest, ParsesBack) {
  for (int64_t count :
       {int64_t{1}, int64_t{250'000'000}, int64_t{1'000'000'000}, int64_t{90'000'000'001}}) {
    EXPECT_EQ(*ParseSeconds(FormatSeconds(nanoseconds(count))), nanoseconds(count));
  }
}

TEST(ParseSwitchTest, KnowsOnAndOff) {
  EXPECT_TRUE(*ParseSwitch("on"));
  EXPECT_FALSE(*ParseSwitch("off"));
  for (const char* text : {"", "On", "true", "1", "yes"}) EXPECT_FALSE(ParseSwitch(text)) << text;
}

TEST(ParseConsoleTest, ReadsEveryKind) {
  EXPECT_EQ(ParseConsole("stdio")->kind, ConsoleKind::kStdio);
  EXPECT_EQ(ParseConsole("pty")->kind, ConsoleKind::kPty);
  EXPECT_EQ(ParseConsole("off")->kind, ConsoleKind::kOff);
  EXPECT_EQ(*ParseConsole("file=a=b"), (ConsoleTarget{ConsoleKind::kFile, "a=b"}));
  EXPECT_EQ(*ParseConsole("socket=/s"), (ConsoleTarget{ConsoleKind::kSocket, "/s"}));
}

TEST(ParseConsoleTest, RefusesTheRest) {
  for (const char* text : {"", "tty", "file", "file=", "socket=", "STDIO", "pty=x", "=x"}) {
    EXPECT_FALSE(ParseConsole(text)) << text;
  }
}

TEST(FormatConsoleTest, ParsesBack) {
  for (const char* text : {"stdio", "pty", "off", "file=x", "socket=/a b"}) {
    EXPECT_EQ(FormatConsole(*ParseConsole(text)), text);
  }
}

TEST(ParsePathTest, RefusesNothing) { EXPECT_FALSE(ParsePath("")); }

}  // namespace
}  // namespace sealvm
