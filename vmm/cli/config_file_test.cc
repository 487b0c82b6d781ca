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

DevicesConfig OddDevices() {
  DevicesConfig devices;
  devices.pci_bars = PciBars::kIo;
  devices.rng = true;
  devices.virtio_console = true;
  devices.disks = {{.path = "a,b \"c\".img"},
                   {.path = "\xff[d]",
                    .readonly = true,
                    .id = "x.y",
                    .serial = "# serial",
                    .direct = true,
                    .engine = DiskEngine::kIoUring,
                    .queues = 3,
                    .queue_size = 2,
                    .limits = {1, 2, 3, 4}}};
  devices.nets = {{.forwards = {ParsePortForward("tcp:127.0.0.1:1-:2").value(),
                                ParsePortForward("udp::3-:4").value()},
                   .receive_limits = {5, 6, 7, 8},
                   .transmit_limits = {9, 10, 11, 12}},
                  {.backend = NetBackend::kTap,
                   .tap = "t,a\"p",
                   .id = "lan",
                   .mac = MacAddress{2, 0, 0, 0, 0, 0xff},
                   .queue_pairs = 16,
                   .queue_size = 1024},
                  {.backend = NetBackend::kTapFd, .fd = 0}};
  devices.vsock = VsockConfig{kMaxVsockCid, "v,s"};
  devices.shares = {{.socket = "s", .tag = "t"},
                    {.socket = "s,2", .tag = "t\n2", .id = "f", .queue_size = 4}};
  return devices;
}

RunOptions OddOptions() {
  RunOptions options;
  options.machine.kernel = "/boot/vm \"linuz\"\\ #1";
  options.machine.initrd = "a,b[c]";
  options.machine.firmware = "\xff\xfe not UTF-8";
  options.machine.firmware_log = "fw log";
  options.machine.cmdline = "console=ttyS0 x=\"a b\"\nsecond\tline \\ end'";
  options.machine.kernel_protocol = KernelProtocol::kPvh;
  options.machine.isolation = IsolationMode::kSevEs;
  options.machine.memory_bytes = 3 * kMiB;
  options.machine.memory = {HugePages::k2M, true};
  options.machine.cpus = 64;
  options.machine.devices = OddDevices();
  options.console = {ConsoleKind::kSocket, "/tmp/so=ck"};
  options.events_fd = 7;
  options.stats_file = "\x01\x7f";
  options.log_file = "täst";
  options.verbosity = 2;
  options.timeout = std::chrono::nanoseconds(1'500'000'001);
  options.reboot = true;
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
  for (const char* key : {"kernel",          "initrd",         "firmware",  "cmdline",
                          "kernel-protocol", "firmware-log",   "isolation", "memory",
                          "hugepages",       "prefault",       "cpus",      "console",
                          "events-fd",       "stats",          "log-file",  "rng",
                          "pci-bars",        "console-device", "verbose",   "timeout",
                          "guest-exit-code", "reboot"}) {
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

TEST(PrintConfigTest, DevicesAreTablesAfterTheKeys) {
  RunOptions options;
  options.machine.devices.disks = {{.path = "a"}};
  options.machine.devices.nets = {{.forwards = {ParsePortForward("tcp::1-:2").value()}}};
  const std::string text = PrintConfig(options);
  EXPECT_THAT(text, HasSubstr("\n[[disk]]\npath = \"a\"\nreadonly = false\n"));
  EXPECT_THAT(text, HasSubstr("\nqueue-size = 256\n"));
  EXPECT_THAT(text, HasSubstr("\n[[net]]\nbackend = \"user\"\nhostfwd = [\"tcp::1-:2\"]\n"));
  EXPECT_GT(text.find("[[disk]]"), text.find("verbose = "));
}

TEST(ConfigTextTest, DevicesAreTables) {
  const Result<RunOptions> options = Read(
      "rng = true\n"
      "[[disk]]\npath = 'a'\nreadonly = true\nbytes-per-second = \"10M\"\n"
      "[[disk]]\npath = 'b'\nbytes-per-second = 4096\n"
      "[[net]]\nbackend = 'user'\nhostfwd = ['tcp::1-:2', 'tcp::3-:4']\n"
      "[[net]]\nbackend = 'tap'\ntap = 't'\n"
      "[vsock]\ncid = 3\nsocket = 'v'\n"
      "[[fs]]\ntag = 't'\nsocket = 's'\n");
  ASSERT_TRUE(options) << options.error().ToString();
  const DevicesConfig& devices = options->machine.devices;
  EXPECT_TRUE(devices.rng);
  ASSERT_EQ(devices.disks.size(), 2u);
  EXPECT_TRUE(devices.disks[0].readonly);
  EXPECT_EQ(devices.disks[0].limits.bytes_per_second, 10 * kMiB);
  EXPECT_EQ(devices.disks[1].limits.bytes_per_second, 4096u);
  ASSERT_EQ(devices.nets.size(), 2u);
  EXPECT_EQ(devices.nets[0].forwards.size(), 2u);
  EXPECT_EQ(devices.nets[1].tap, "t");
  EXPECT_EQ(devices.vsock, (VsockConfig{3, "v"}));
  EXPECT_EQ(devices.shares.size(), 1u);
}

TEST(ConfigTextTest, NoNetworkAndOneForwardMayBeWords) {
  EXPECT_TRUE(Read("[[net]]\nbackend = 'none'")->machine.devices.nets.empty());
  EXPECT_EQ(Read("[[net]]\nbackend = 'user'\nhostfwd = 'tcp::1-:2'")
                ->machine.devices.nets.front()
                .forwards.size(),
            1u);
}

TEST(ConfigTextTest, MistakesInTablesNameLineTableAndKey) {
  EXPECT_EQ(ErrorOf("[[disk]]\npath = 'a'\n\nreadonyl = true"),
            "m.toml: line 4: disk: unknown key 'readonyl' (did you mean 'readonly'?)");
  EXPECT_EQ(ErrorOf("[[disk]]\npath = 'a'\nreadonly = 1"),
            "m.toml: line 3: disk: readonly: true or false is expected");
  EXPECT_EQ(ErrorOf("[[disk]]\npath = ['a']"),
            "m.toml: line 2: disk: path: a string in quotes is expected");
  EXPECT_EQ(ErrorOf("\n[[disk]]\nreadonly = true"), "m.toml: line 2: disk: path is missing");
  EXPECT_EQ(ErrorOf("[[disk]]\npath = ''"), "m.toml: line 1: disk: path: the value is empty");
  EXPECT_THAT(ErrorOf("[vsock]\ncid = 2\nsocket = 'v'"),
              HasSubstr("m.toml: line 1: vsock: cid: '2' is out of range"));
}

TEST(ConfigTextTest, TablesHaveTheirHeaders) {
  EXPECT_EQ(ErrorOf("[disk]\npath = 'a'"), "m.toml: line 1: the header of disk is [[disk]]");
  EXPECT_EQ(ErrorOf("[[vsock]]"), "m.toml: line 1: the header of vsock is [vsock]");
  EXPECT_EQ(ErrorOf("disk = 'a'"),
            "m.toml: line 1: disk: a table is expected (its header is [[disk]])");
  EXPECT_EQ(ErrorOf("[[dsik]]"), "m.toml: line 1: unknown table 'dsik' (did you mean 'disk'?)");
  EXPECT_THAT(ErrorOf("[machine]"), HasSubstr("unknown table 'machine'"));
  EXPECT_THAT(ErrorOf("[cpus]"), HasSubstr("it is a key"));
}

TEST(ConfigTextTest, WrongTypesAreRefused) {
  for (const char* text : {"kernel = 5", "cpus = \"2\"", "cpus = 2.0", "prefault = 1",
                           "timeout = \"1\"", "memory = true", "isolation = false",
                           "events-fd = true", "memory = 1.5", "rng = 1", "kernel = ['a']"}) {
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

TEST(ConfigTextTest, TheSignatureIsGivenOnce) {
  RunOptions options;
  bool named = false;
  const auto applied =
      ApplyConfigText("cpu-model = \"EPYC\"\nvcpu-signature = \"1\"\n", "f.toml", options, named);
  ASSERT_FALSE(applied.has_value());
  EXPECT_THAT(applied.error().ToString(), HasSubstr("f.toml: cpu-model and vcpu-signature"));
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
