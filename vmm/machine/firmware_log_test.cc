// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/firmware_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <vector>

namespace sealvm {
namespace {

class FirmwareLogTest : public testing::Test {
 protected:
  static std::string Content(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::vector<std::string> lines_;
  Logger logger_{LogLevel::kDebug,
                 [this](LogLevel, std::string_view line) { lines_.emplace_back(line); }};
};

TEST_F(FirmwareLogTest, GoesToTheMachinesLogWithoutAFile) {
  auto log = FirmwareLog::Open("", logger_);
  ASSERT_TRUE(log.has_value());
  log->Write("one\r\n");
  log->Write("\r\n");
  log->Write("rest");
  EXPECT_EQ(lines_, (std::vector<std::string>{"firmware: one", "firmware: rest"}));
}

TEST_F(FirmwareLogTest, AppendsToTheFile) {
  const std::string path = testing::TempDir() + "firmware_log_test";
  std::ofstream(path) << "before\n";
  auto log = FirmwareLog::Open(path, logger_);
  ASSERT_TRUE(log.has_value());
  log->Write("one\r\n");
  log->Write("two");
  EXPECT_EQ(Content(path), "before\none\r\ntwo");
  EXPECT_TRUE(lines_.empty());
}

TEST_F(FirmwareLogTest, AFileThatCannotBeOpenedIsTheUsersMistake) {
  const auto log = FirmwareLog::Open("/nonexistent/log", logger_);
  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().kind, ErrorKind::kInvalidInput);
  EXPECT_TRUE(log.error().message.starts_with("--firmware-log /nonexistent/log: "));
}

TEST_F(FirmwareLogTest, AFullDiskIsToldOnce) {
  auto log = FirmwareLog::Open("/dev/full", logger_);
  ASSERT_TRUE(log.has_value());
  log->Write("one\n");
  log->Write("two\n");
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_NE(lines_[0].find("--firmware-log: cannot write"), std::string::npos);
}

}  // namespace
}  // namespace sealvm
