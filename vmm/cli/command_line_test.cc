// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <vector>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

Result<Command> Parse(std::vector<const char*> arguments) { return ParseCommandLine(arguments); }

// The options of a good `run` line.
RunOptions Options(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "run");
  Result<Command> command = ParseCommandLine(arguments);
  if (!command) {
    ADD_FAILURE() << command.error().ToString();
    return {};
  }
  return std::get<RunRequest>(*command).options;
}

std::string ErrorOf(std::vector<const char*> arguments) {
  const Result<Command> command = ParseCommandLine(arguments);
  if (command) return "no error";
  EXPECT_EQ(command.error().kind, ErrorKind::kInvalidInput);
  const std::string text = command.error().ToString();
  EXPECT_EQ(text.find('\n'), text.npos) << text;
  return text;
}

class TemporaryConfig {
 public:
  explicit TemporaryConfig(std::string_view text) : fd_(mkstemp(path_)) {
    EXPECT_EQ(write(fd_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  ~TemporaryConfig() { unlink(path_); }
  const char* path() const { return path_; }

 private:
  char path_[32] = "/tmp/sealvm-config-XXXXXX";
  Fd fd_;
};

TEST(CommandLineTest, RunWithoutOptionsIsTheDefault) { EXPECT_EQ(Options({}), RunOptions{}); }

TEST(CommandLineTest, RunReadsItsOptions) {
  const RunOptions options = Options({"--kernel", "k", "--initrd=i", "--cmdline", "a b", "--memory",
                                      "1G", "--cpus", "2", "--console", "off", "--timeout", "0.5",
                                      "-vv", "--guest-exit-code=on", "--reboot", "on"});
  EXPECT_EQ(options.machine.kernel, "k");
  EXPECT_EQ(options.machine.initrd, "i");
  EXPECT_EQ(options.machine.cmdline, "a b");
  EXPECT_EQ(options.machine.memory_bytes, kGiB);
  EXPECT_EQ(options.machine.cpus, 2u);
  EXPECT_EQ(options.console.kind, ConsoleKind::kOff);
  EXPECT_EQ(options.timeout, std::chrono::milliseconds(500));
  EXPECT_EQ(options.verbosity, 2);
  EXPECT_TRUE(options.guest_exit_code);
  EXPECT_TRUE(options.reboot);
}

TEST(CommandLineTest, ValuesMayLookLikeAnything) {
  for (const char* value : {"--kernel", "-x", "--", "-", "--help", "[a,b]", "{}", "a=b", "\"q\"",
                            "'", "%", "--a=b", "true", "1"}) {
    EXPECT_EQ(Options({"--kernel", "k", "--cmdline", value}).machine.cmdline, value);
  }
  EXPECT_EQ(Options({"--kernel", "k", "--cmdline=console=ttyS0 -- x"}).machine.cmdline,
            "console=ttyS0 -- x");
}

TEST(CommandLineTest, EmptyValueIsNotTheNextArgument) {
  EXPECT_EQ(ErrorOf({"run", "--kernel=", "--cpus", "1"}), "--kernel: the path is empty");
  EXPECT_EQ(ErrorOf({"run", "--kernel", ""}), "--kernel: the path is empty");
}

TEST(CommandLineTest, MissingValueIsNamed) {
  EXPECT_EQ(ErrorOf({"run", "--kernel"}), "--kernel needs a value");
}

TEST(CommandLineTest, RepeatedOptionIsRefused) {
  EXPECT_EQ(ErrorOf({"run", "--memory", "1G", "--memory=2G"}), "--memory is given twice");
}

TEST(CommandLineTest, TheSignatureIsGivenOnce) {
  EXPECT_THAT(ErrorOf({"run", "--isolation", "snp", "--firmware", "f", "--cpu-model", "EPYC",
                       "--vcpu-signature", "1"}),
              HasSubstr("--cpu-model and --vcpu-signature"));
}

TEST(CommandLineTest, ADigestOfAnotherLengthTellsTheRightOnes) {
  const auto command = Parse({"run", "--isolation", "snp", "--expect-digest", "zz"});
  ASSERT_FALSE(command.has_value());
  EXPECT_THAT(command.error().ToString(), HasSubstr("96"));
  EXPECT_THAT(command.error().ToString(), HasSubstr("64"));
}

TEST(CommandLineTest, BadValuesNameTheirOption) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"--memory", "0"},           {"--memory", "1K"},    {"--memory", "100T"},
      {"--memory", "3.5X"},        {"--memory", ""},      {"--cpus", "0"},
      {"--cpus", "10000"},         {"--cpus", "two"},     {"--isolation", "strong"},
      {"--console", "tty"},        {"--timeout", "0"},    {"--events-fd", "-1"},
      {"--prefault", "yes"},       {"--hugepages", "4K"}, {"--guest-exit-code", "1"},
      {"--kernel-protocol", "efi"}};
  for (const auto& [option, value] : cases) {
    EXPECT_THAT(ErrorOf({"run", option, value}), HasSubstr(option)) << value;
  }
}

TEST(CommandLineTest, UnknownOptionNamesTheNearest) {
  EXPECT_EQ(ErrorOf({"run", "--memry", "1G"}),
            "unknown option '--memry' (did you mean '--memory'?)");
  EXPECT_EQ(ErrorOf({"run", "--isolaton=none"}),
            "unknown option '--isolaton' (did you mean '--isolation'?)");
  EXPECT_THAT(ErrorOf({"run", "--frobnicate"}), HasSubstr("unknown option '--frobnicate'"));
  EXPECT_THAT(ErrorOf({"run", "---"}), HasSubstr("unknown option '---'"));
  EXPECT_THAT(ErrorOf({"run", "-q"}), HasSubstr("unknown option '-q'"));
}

TEST(CommandLineTest, StrayArgumentIsNamed) {
  EXPECT_THAT(ErrorOf({"run", "vmlinuz"}), HasSubstr("unexpected argument 'vmlinuz'"));
}

TEST(CommandLineTest, UnknownCommandNamesTheNearest) {
  EXPECT_EQ(ErrorOf({"rum"}), "unknown command 'rum' (did you mean 'run'?)");
  EXPECT_THAT(ErrorOf({"--kernel", "x"}), HasSubstr("option of 'sealvm run'"));
  EXPECT_THAT(ErrorOf({"--versoin"}), HasSubstr("'--version'"));
  EXPECT_THAT(ErrorOf({"-"}), HasSubstr("unknown option '-'"));
  EXPECT_THAT(ErrorOf({""}), HasSubstr("unknown command ''"));
}

TEST(CommandLineTest, MeasureHasOptionsOfItsOwn) {
  const auto command = Parse({"measure", "--isolation", "tdx", "--firmware", "OVMF.fd", "--json"});
  ASSERT_TRUE(command.has_value()) << command.error().ToString();
  EXPECT_EQ(std::get<MeasureRequest>(*command).firmware, "OVMF.fd");
  EXPECT_TRUE(std::get<MeasureRequest>(*command).json);
  EXPECT_THAT(ErrorOf({"measure", "--isolation", "snp"}), HasSubstr("--firmware is needed"));
  const auto help = Parse({"measure", "--isolation", "tdx", "--help"});
  ASSERT_TRUE(help.has_value());
  EXPECT_THAT(std::get<TextRequest>(*help).text, HasSubstr("--mrtd-order ORDER"));
}

TEST(CommandLineTest, CommandLineGoesOverTheFile) {
  const TemporaryConfig config("cpus = 2\nmemory = \"1G\"\nverbose = 1\n");
  const RunOptions options = Options({"--cpus", "3", "--config", config.path()});
  EXPECT_EQ(options.machine.cpus, 3u);
  EXPECT_EQ(options.machine.memory_bytes, kGiB);
  EXPECT_EQ(options.verbosity, 1);
}

TEST(CommandLineTest, DevicesOfTheCommandLineReplaceThoseOfTheFile) {
  const TemporaryConfig config(
      "[[disk]]\npath = \"a\"\n[[disk]]\npath = \"b\"\n[[net]]\nbackend = \"user\"\n");
  const RunOptions options =
      Options({"--disk", "path=c", "--config", config.path(), "--net", "none"});
  ASSERT_EQ(options.machine.devices.disks.size(), 1u);
  EXPECT_EQ(options.machine.devices.disks.front().path, "c");
  EXPECT_TRUE(options.machine.devices.nets.empty());
  EXPECT_EQ(Options({"--config", config.path()}).machine.devices.disks.size(), 2u);
}

TEST(CommandLineTest, FileAndFlagsAreValidatedTogether) {
  const TemporaryConfig config("initrd = \"i\"\n");
  EXPECT_THAT(ErrorOf({"run", "--config", config.path()}), HasSubstr("--initrd needs --kernel"));
  EXPECT_EQ(Options({"--config", config.path(), "--kernel", "k"}).machine.initrd, "i");
}

TEST(CommandLineTest, NamedIsolationIsNoticed) {
  EXPECT_FALSE(std::get<RunRequest>(*Parse({"run"})).isolation_named);
  EXPECT_TRUE(std::get<RunRequest>(*Parse({"run", "--isolation", "auto"})).isolation_named);
}

TEST(CommandLineTest, HelpGoesBeforeErrors) {
  const Result<Command> command = Parse({"run", "--memry", "--help"});
  ASSERT_TRUE(command);
  EXPECT_THAT(std::get<TextRequest>(*command).text, HasSubstr("Usage: sealvm run"));
}

TEST(CommandLineTest, OtherCommands) {
  EXPECT_TRUE(std::get<DoctorRequest>(*Parse({"doctor", "--json"})).json);
  EXPECT_FALSE(std::get<DoctorRequest>(*Parse({"doctor"})).json);
  const auto inspect = std::get<InspectRequest>(*Parse({"inspect", "--json", "vmlinuz"}));
  EXPECT_EQ(inspect.path, "vmlinuz");
  EXPECT_TRUE(inspect.json);
  EXPECT_THAT(ErrorOf({"inspect"}), HasSubstr("a file is expected"));
  EXPECT_THAT(ErrorOf({"inspect", "a", "b"}), HasSubstr("unexpected argument 'b'"));
  EXPECT_THAT(ErrorOf({"doctor", "--disk"}), HasSubstr("unknown option '--disk'"));
  EXPECT_THAT(ErrorOf({"doctor", "--jsn"}), HasSubstr("'--json'"));
  EXPECT_THAT(std::get<TextRequest>(*Parse({"--version"})).text, HasSubstr("sealvm "));
  EXPECT_THAT(std::get<TextRequest>(*Parse({"--help"})).text, HasSubstr("Usage: sealvm"));
}

}  // namespace
}  // namespace sealvm
