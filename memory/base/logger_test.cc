// SPDX-License-Identifier: Apache-2.0
#include "memory/base/logger.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sealvm {
namespace {

TEST(LoggerTest, PassesWhatIsAtOrAboveItsThreshold) {
  std::vector<std::string> lines;
  const Logger logger(LogLevel::kInfo,
                      [&](LogLevel, std::string_view text) { lines.emplace_back(text); });
  logger.Log(LogLevel::kDebug, "detail");
  logger.Log(LogLevel::kInfo, "port {:#x}", 0x3f8);
  logger.Log(LogLevel::kError, "lost");
  EXPECT_EQ(lines, (std::vector<std::string>{"port 0x3f8", "lost"}));
}

TEST(LoggerTest, TellsTheLevel) {
  LogLevel seen = LogLevel::kDebug;
  const Logger logger(LogLevel::kDebug, [&](LogLevel level, std::string_view) { seen = level; });
  logger.Log(LogLevel::kWarning, "odd");
  EXPECT_EQ(seen, LogLevel::kWarning);
}

TEST(LoggerTest, WithoutAFunctionNothingHappens) {
  const Logger silent;
  silent.Log(LogLevel::kError, "nobody hears {}", 1);
  const Logger empty(LogLevel::kDebug, nullptr);
  empty.Log(LogLevel::kError, "nobody hears {}", 2);
}

}  // namespace
}  // namespace sealvm
