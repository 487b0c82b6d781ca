// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace sealvm {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// What `speak` makes the log write at a verbosity.
template <typename F>
std::string Logged(int verbosity, F speak) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const Fd reader(ends[0]);
  ConfigureLog(verbosity, Fd(ends[1]));
  speak();
  ConfigureLog(0, Fd());
  std::string text(4096, '\0');
  text.resize(
      static_cast<size_t>(std::max<ssize_t>(read(reader.get(), text.data(), text.size()), 0)));
  return text;
}

TEST(LogTest, LinesHaveTimeAndLevel) {
  const std::string text = Logged(0, [] { Log(LogLevel::kWarning, "careful"); });
  EXPECT_THAT(text, MatchesRegex("\\[ *[0-9]+\\.[0-9]+\\] warning: careful\n"));
}

TEST(LogTest, VerbosityIsTheThreshold) {
  const auto speak = [] {
    Log(LogLevel::kDebug, "D");
    Log(LogLevel::kInfo, "I");
    Log(LogLevel::kWarning, "W");
  };
  const std::string quiet = Logged(0, speak);
  EXPECT_EQ(quiet.find("info: I"), quiet.npos);
  const std::string verbose = Logged(1, speak);
  EXPECT_THAT(verbose, HasSubstr("info: I"));
  EXPECT_EQ(verbose.find("debug: D"), verbose.npos);
  EXPECT_THAT(Logged(2, speak), HasSubstr("debug: D"));
}

TEST(LogTest, MessageStaysOneLine) {
  const std::string text = Logged(0, [] { Log(LogLevel::kError, "a\nb\x1b[0m"); });
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  EXPECT_THAT(text, HasSubstr("a?b?[0m"));
}

TEST(LogTest, ErrorGoesToTheFileToo) {
  testing::internal::CaptureStderr();
  const std::string text = Logged(0, [] { ReportError(HostError("broken", "mend it").error()); });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "sealvm: error: broken (mend it)\n");
  EXPECT_THAT(text, HasSubstr("error: broken (mend it)"));
}

TEST(LogTest, UnwritableFileIsTheUsersError) {
  const Result<Fd> file = OpenLogFile("/nonexistent/log");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(file.error().message, HasSubstr("--log-file"));
}

}  // namespace
}  // namespace sealvm
