// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/config_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

Result<RunOptions> Read(std::string_view text) {
  RunOptions options;
  bool isolation_named = false;
  SEALVM_TRY(ApplyConfigText(text, "m.toml", options, isolation_named));
  return options;
}

std::string ErrorOf(std::string_view text) {
  const Result<RunOptions> options = Read(text);
  return options ? "no error" : options.error().ToString();
}

RunOptions OddOptions() {
  RunOptions options;
  options.machine.kernel = "/boot/vm \"linuz\"\\ #1";
  options.machine.initrd = "a,b[c]";
  options.machine.firmware = "\xff\xfe not UTF-8";
  options.machine.cmdline = "console=ttyS0 x=\"a b\"\nsecond\tline \\ end'";
  options.machine.kernel_protocol = KernelProtocol::kPvh;
  options.machine.isolation = IsolationMode::kSevEs;
  options.machine.memory_bytes = 3 * kMiB;
  options.machine.memory = {HugePages::k2M, true};
  options.machine.cpus = 64;
  options.console = {ConsoleKind::kSocket, "/tmp/so=ck"};
  options.events_fd = 7;
  options.stats_file = "\x01\x7f";
  options.log_file = "täst";
  options.verbosity = 2;
  options.timeout = std::chrono::nanoseconds(1'500'000'001);
  options.guest_exit_code = true;
  return options;
}

TEST(PrintConfigTest, DefaultsReadBack) {
  const Result<RunOptions> read = Read(PrintConfig(RunOptions{}));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, RunOptions{});
}

TEST(PrintConfigTest, OddValuesReadBack) {
  const RunOptions options = OddOptions();
  const Result<RunOptions> read = Read(PrintConfig(options));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, options);
}

TEST(PrintConfigTest, EveryOptionOfTheOddSetIsPrinted) {
  const std::string text = PrintConfig(OddOptions());
  for (const char* key : {"kernel", "initrd", "firmware", "cmdline", "kernel-protocol", "isolation",
                          "memory", "hugepages", "prefault", "cpus", "console", "events-fd",
                          "stats", "log-file", "verbose", "timeout", "guest-exit-code"}) {
    EXPECT_THAT("\n" + text, HasSubstr("\n" + std::string(key) + " = ")) << key;
  }
}

TEST(ConfigTextTest, NamedIsolationIsNoticed) {
  RunOptions options;
  bool named = false;
  ASSERT_TRUE(ApplyConfigText("cpus = 1", "m", options, named));
  EXPECT_FALSE(named);
  ASSERT_TRUE(ApplyConfigText("isolation = \"auto\"", "m", options, named));
  EXPECT_TRUE(named);
}

TEST(ConfigTextTest, UnknownKeyNamesFileLineAndTheNearest) {
  EXPECT_EQ(ErrorOf("cpus = 1\nmemroy = \"1G\""),
            "m.toml: line 2: unknown key 'memroy' (did you mean 'memory'?)");
}

TEST(ConfigTextTest, AbsentDevicesAreRefusedByName) {
  EXPECT_THAT(ErrorOf("disk = \"a\""), HasSubstr("no disk device"));
  EXPECT_THAT(ErrorOf("[[net]]\ntap = \"t\""), HasSubstr("no net device"));
  EXPECT_THAT(ErrorOf("[machine]"), HasSubstr("unknown section [machine]"));
}

TEST(ConfigTextTest, WrongTypesAreRefused) {
  for (const char* text :
       {"kernel = 5", "cpus = \"2\"", "cpus = 2.0", "prefault = 1", "timeout = \"1\"",
        "memory = true", "isolation = false", "events-fd = true", "memory = 1.5"}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("is expected")) << text;
  }
}

TEST(ConfigTextTest, WrongValuesAreRefused) {
  for (const char* text :
       {"cpus = 0", "cpus = -1", "memory = \"3.5X\"", "isolation = \"strong\"", "console = \"tty\"",
        "kernel = \"\"", "timeout = 0", "hugepages = \"4K\""}) {
    EXPECT_THAT(ErrorOf(text), HasSubstr("m.toml: line 1: ")) << text;
  }
}

TEST(ConfigTextTest, SwitchesAreBooleansOrWords) {
  EXPECT_TRUE(Read("prefault = true")->machine.memory.prefault);
  EXPECT_TRUE(Read("prefault = \"on\"")->machine.memory.prefault);
  EXPECT_FALSE(Read("prefault = false")->machine.memory.prefault);
}

TEST(ConfigTextTest, MemoryMayBeANumberOfBytes) {
  EXPECT_EQ(Read("memory = 16_777_216")->machine.memory_bytes, 16 * kMiB);
}

TEST(ConfigFileTest, MissingFileIsNamed) {
  RunOptions options;
  bool named = false;
  const Result<> result = ApplyConfigFile("/nonexistent/m.toml", options, named);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(result.error().message, HasSubstr("/nonexistent/m.toml"));
}

TEST(ConfigFileTest, DirectoryIsRefused) {
  RunOptions options;
  bool named = false;
  const Result<> result = ApplyConfigFile("/", options, named);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().os_error, EISDIR);
}

TEST(ConfigFileTest, EndlessFileIsRefused) {
  RunOptions options;
  bool named = false;
  const Result<> result = ApplyConfigFile("/dev/zero", options, named);
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr("1 MiB"));
}

}  // namespace
}  // namespace sealvm
