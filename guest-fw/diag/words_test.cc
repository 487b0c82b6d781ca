// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/words.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sealvm::diag {
namespace {

TEST(ParseWords, NothingAsksForTheReport) {
  EXPECT_EQ(ParseWords("").task, Task::kReport);
  EXPECT_EQ(ParseWords(" \t ").task, Task::kReport);
}

TEST(ParseWords, WordsOfAKernelAreIgnored) {
  const Words words = ParseWords("console=ttyS0 quiet panic=-1 xdiag=spin diag sealvm");
  EXPECT_EQ(words.task, Task::kReport);
  EXPECT_EQ(words.version, "");
}

class TaskWord : public testing::TestWithParam<std::pair<std::string_view, Task>> {};

TEST_P(TaskWord, IsFoundBetweenOthers) {
  const std::string cmdline = "quiet " + std::string(GetParam().first) + " console=ttyS0";
  EXPECT_EQ(ParseWords(cmdline).task, GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(All, TaskWord,
                         testing::Values(std::pair{"diag=quick", Task::kQuickReport},
                                         std::pair{"diag=spin", Task::kSpin},
                                         std::pair{"diag=triple-fault", Task::kTripleFault},
                                         std::pair{"diag=panic", Task::kPanic},
                                         std::pair{"diag=exit:0", Task::kExit},
                                         std::pair{"diag=garbage", Task::kGarbage},
                                         std::pair{"diag=garbage-all", Task::kGarbageAll},
                                         std::pair{"diag=echo", Task::kEcho},
                                         std::pair{"diag=fault", Task::kFault},
                                         std::pair{"diag=convert:2M", Task::kConvert},
                                         std::pair{"diag=conversion-storm:1", Task::kStorm}));

TEST(ParseWords, ExitTakesTheWholeRangeOfTheDevice) {
  EXPECT_EQ(ParseWords("diag=exit:7").exit_code, 7u);
  EXPECT_EQ(ParseWords("diag=exit:4294967295").exit_code, UINT32_MAX);
}

TEST(ParseWords, SizesAreInBinaryUnits) {
  EXPECT_EQ(ParseWords("diag=convert:4096").convert_bytes, 4096u);
  EXPECT_EQ(ParseWords("diag=convert:12K").convert_bytes, 12u << 10);
  EXPECT_EQ(ParseWords("diag=convert:64M").convert_bytes, 64u << 20);
  EXPECT_EQ(ParseWords("diag=convert:4294967295G").convert_bytes, uint64_t{UINT32_MAX} << 30);
}

TEST(ParseWords, StormsHaveACount) {
  EXPECT_EQ(ParseWords("diag=conversion-storm:1000").storm_count, 1000u);
}

class BadTaskWord : public testing::TestWithParam<std::string_view> {};

TEST_P(BadTaskWord, IsReportedWhole) {
  const Words words = ParseWords(GetParam());
  EXPECT_EQ(words.task, Task::kUnknown);
  EXPECT_EQ(words.unknown, GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadTaskWord,
    testing::Values("diag=", "diag=quic", "diag=quickly", "diag=Quick", "diag=exit",
                    "diag=exit:", "diag=exit:-1", "diag=exit:1x", "diag=exit:4294967296",
                    "diag=convert", "diag=convert:", "diag=convert:0", "diag=convert:1K",
                    "diag=convert:M", "diag=convert:4096x", "diag=convert:4KM", "diag=convert=4K",
                    "diag=convert:4294967296G", "diag=conversion-storm:", "diag=conversion-storm:0",
                    "diag=conversion-storm:1K", "diag=exit:99999999999999999999999999"));

TEST(ParseWords, TheLastTaskCounts) {
  EXPECT_EQ(ParseWords("diag=spin diag=panic").task, Task::kPanic);
  EXPECT_EQ(ParseWords("diag=bogus diag=panic").task, Task::kPanic);
  EXPECT_EQ(ParseWords("diag=panic diag=bogus").task, Task::kUnknown);
}

TEST(ParseWords, FindsTheVersion) {
  EXPECT_EQ(ParseWords("sealvm=0.1.0 diag=quick").version, "0.1.0");
}

TEST(ParseWords, EndsAtTheTextsEndWithoutATerminator) {
  const std::string_view cmdline("diag=quickXYZ", 10);
  EXPECT_EQ(ParseWords(cmdline).task, Task::kQuickReport);
}

}  // namespace
}  // namespace sealvm::diag
