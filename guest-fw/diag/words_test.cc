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
                                         std::pair{"diag=fault", Task::kFault}));

TEST(ParseWords, ExitTakesTheWholeRangeOfTheDevice) {
  EXPECT_EQ(ParseWords("diag=exit:7").exit_code, 7u);
  EXPECT_EQ(ParseWords("diag=exit:4294967295").exit_code, UINT32_MAX);
}

class BadTaskWord : public testing::TestWithParam<std::string_view> {};

TEST_P(BadTaskWord, IsReportedWhole) {
  const Words words = ParseWords(GetParam());
  EXPECT_EQ(words.task, Task::kUnknown);
  EXPECT_EQ(words.unknown, GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, BadTaskWord,
                         testing::Values("diag=", "diag=quic", "diag=quickly", "diag=Quick",
                                         "diag=exit", "diag=exit:", "diag=exit:-1", "diag=exit:1x",
                                         "diag=exit:4294967296",
                                         "diag=exit:99999999999999999999999999"));

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
