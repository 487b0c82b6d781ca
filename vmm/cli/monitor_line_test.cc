// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/monitor_line.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

// The line that `typed` ends with, and what was echoed.
std::optional<std::string> Type(MonitorLine& line, std::string_view typed, std::string& echo) {
  std::optional<std::string> last;
  for (char c : typed) last = line.Feed(static_cast<uint8_t>(c), echo);
  return last;
}

TEST(MonitorCommandTest, KnowsItsWords) {
  EXPECT_EQ(ParseMonitorCommand("status"), MonitorCommand::kStatus);
  EXPECT_EQ(ParseMonitorCommand(" power "), MonitorCommand::kPower);
  EXPECT_EQ(ParseMonitorCommand("quit"), MonitorCommand::kQuit);
  EXPECT_EQ(ParseMonitorCommand("continue"), MonitorCommand::kContinue);
  EXPECT_EQ(ParseMonitorCommand(""), MonitorCommand::kContinue);
  EXPECT_EQ(ParseMonitorCommand("   "), MonitorCommand::kContinue);
  EXPECT_EQ(ParseMonitorCommand("help"), MonitorCommand::kHelp);
  EXPECT_EQ(ParseMonitorCommand("quit now"), MonitorCommand::kUnknown);
}

TEST(MonitorLineTest, EndsAtReturn) {
  MonitorLine line;
  std::string echo;
  EXPECT_EQ(Type(line, "status\r", echo), "status");
  EXPECT_EQ(echo, "status\n");
  EXPECT_EQ(Type(line, "\n", echo), "");
}

TEST(MonitorLineTest, CanBeEdited) {
  MonitorLine line;
  std::string echo;
  EXPECT_EQ(Type(line, "\x7f\x7fpq\x7fow\x08wer\r", echo), "power");
  EXPECT_EQ(Type(line, "junk\x15quit\r", echo), "quit");
  EXPECT_EQ(Type(line, "junk\x03\r", echo), "");
}

TEST(MonitorLineTest, IgnoresControlsAndStopsGrowing) {
  MonitorLine line;
  std::string echo;
  EXPECT_EQ(Type(line,
                 "\x1b\x02"
                 "a\r",
                 echo),
            "a");
  EXPECT_EQ(Type(line, std::string(1000, 'x') + "\r", echo)->size(), 64u);
}

}  // namespace
}  // namespace sealvm
