// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/cli/command_line.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

// The devices of a good `run` line.
DevicesConfig Devices(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "run");
  Result<Command> command = ParseCommandLine(arguments);
  if (!command) {
    ADD_FAILURE() << command.error().ToString();
    return {};
  }
  return std::get<RunRequest>(*command).options.machine.devices;
}

DiskConfig Disk(const char* text) {
  const DevicesConfig devices = Devices({"--disk", text});
  return devices.disks.size() == 1 ? devices.disks.front() : DiskConfig{};
}

NetConfig Net(const char* text) {
  const DevicesConfig devices = Devices({"--net", text});
  return devices.nets.size() == 1 ? devices.nets.front() : NetConfig{};
}

std::string ErrorOf(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "run");
  const Result<Command> command = ParseCommandLine(arguments);
  if (command) return "no error";
  EXPECT_EQ(command.error().kind, ErrorKind::kInvalidInput);
  const std::string text = command.error().ToString();
  EXPECT_EQ(text.find('\n'), text.npos) << text;
  return text;
}

TEST(DiskOptionTest, PathAloneSuffices) {
  EXPECT_EQ(Disk("path=a.img"), (DiskConfig{.path = "a.img"}));
}

TEST(DiskOptionTest, EveryKeyIsRead) {
  const DiskConfig expected = {.path = "/dev/sdb",
                               .readonly = true,
                               .id = "data",
                               .serial = "S1",
                               .direct = true,
                               .engine = DiskEngine::kThreads,
                               .queues = 4,
                               .queue_size = 512,
                               .limits = {100 * kMiB, kGiB, 1000, 2000}};
  EXPECT_EQ(Disk("path=/dev/sdb,readonly=on,format=raw,id=data,serial=S1,direct=on,engine=threads,"
                 "queues=4,queue-size=512,bytes-per-second=100M,bytes-burst=1G,"
                 "ops-per-second=1000,ops-burst=2000"),
            expected);
}

TEST(DiskOptionTest, PathMayHaveCommasAndBrackets) {
  EXPECT_EQ(Disk("path=a,,b.img").path, "a,b.img");
  EXPECT_EQ(Disk("path=[a,,b]").path, "[a,b]");
}

TEST(DiskOptionTest, MayBeRepeated) {
  const DevicesConfig devices = Devices({"--disk", "path=a", "--disk=path=b", "--disk", "path=c"});
  ASSERT_EQ(devices.disks.size(), 3u);
  EXPECT_EQ(devices.disks[0].path, "a");
  EXPECT_EQ(devices.disks[1].path, "b");
  EXPECT_EQ(devices.disks[2].path, "c");
}

TEST(DiskOptionTest, MistakesNameOptionAndKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"a.img", "--disk: 'a.img' is not of the form key=value"},
      {"", "--disk: '' is not of the form"},
      {"readonly=on", "--disk: path is missing"},
      {"path=", "--disk: path: the value is empty"},
      {"path=a,path=b", "--disk: 'path' is given twice"},
      {"path=a,readonyl=on", "--disk: unknown key 'readonyl' (did you mean 'readonly'?)"},
      {"path=a,readonly=yes", "--disk: readonly: 'yes' is neither on nor off"},
      {"path=a,format=qcow2", "--disk: format: 'qcow2' is no disk format (one of raw)"},
      {"path=a,engine=aio", "--disk: engine: 'aio' is no disk engine"},
      {"path=a,queues=0", "--disk: queues: '0' is out of range"},
      {"path=a,queues=17", "--disk: queues: '17' is out of range"},
      {"path=a,queue-size=4096", "--disk: queue-size: '4096' is out of range"},
      {"path=a,queue-size=100", "--disk disk0: queue-size 100: not a usable size"},
      {"path=a,bytes-per-second=0", "--disk: bytes-per-second: '0' is out of range"},
      {"path=a,ops-per-second=1K", "--disk: ops-per-second: '1K' is no whole number"},
      {"path=a,bytes-burst=1M", "--disk disk0: bytes-burst needs bytes-per-second"},
      {"path=a,id=a b", "--disk id: 'a b' is no usable id"}};
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(ErrorOf({"--disk", text}), HasSubstr(error)) << text;
  }
  EXPECT_EQ(ErrorOf({"--disk"}), "--disk needs a value");
}

TEST(NetOptionTest, UserWithForwards) {
  const NetConfig net = Net("user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp::5353-:53,id=lan");
  EXPECT_EQ(net.backend, NetBackend::kUser);
  EXPECT_EQ(net.id, "lan");
  ASSERT_EQ(net.forwards.size(), 2u);
  EXPECT_EQ(FormatPortForward(net.forwards[0]), "tcp:127.0.0.1:2222-:22");
  EXPECT_EQ(FormatPortForward(net.forwards[1]), "udp::5353-:53");
}

TEST(NetOptionTest, TapWithQueuesAndAddress) {
  const NetConfig expected = {.backend = NetBackend::kTap,
                              .tap = "tap0",
                              .mac = MacAddress{0x52, 0x54, 0, 0x12, 0x34, 0x56},
                              .queue_pairs = 2,
                              .queue_size = 1024};
  EXPECT_EQ(Net("tap=tap0,mac=52:54:00:12:34:56,queues=2,queue-size=1024"), expected);
}

TEST(NetOptionTest, OpenDescriptor) {
  EXPECT_EQ(Net("fd=5"), (NetConfig{.backend = NetBackend::kTapFd, .fd = 5}));
}

TEST(NetOptionTest, LimitsHaveADirection) {
  const NetConfig net =
      Net("user,rx-bytes-per-second=1M,rx-bytes-burst=2M,rx-ops-per-second=3,rx-ops-burst=4,"
          "tx-bytes-per-second=5M,tx-bytes-burst=6M,tx-ops-per-second=7,tx-ops-burst=8");
  EXPECT_EQ(net.receive_limits, (RateLimits{kMiB, 2 * kMiB, 3, 4}));
  EXPECT_EQ(net.transmit_limits, (RateLimits{5 * kMiB, 6 * kMiB, 7, 8}));
}

TEST(NetOptionTest, NoneIsNoNetwork) { EXPECT_TRUE(Devices({"--net", "none"}).nets.empty()); }

TEST(NetOptionTest, NoneStandsAlone) {
  EXPECT_EQ(ErrorOf({"--net", "none,id=x"}), "--net: none stands alone");
  EXPECT_EQ(ErrorOf({"--net", "none", "--net", "user"}), "--net: none stands alone");
  EXPECT_EQ(ErrorOf({"--net", "user", "--net", "none"}), "--net: none stands alone");
}

TEST(NetOptionTest, MistakesNameOptionAndKey) {
  const std::pair<const char*, const char*> cases[] = {
      {"bridge", "--net: backend: 'bridge' is no network backend (one of user, tap=NAME, fd=N"},
      {"id=x", "--net: backend is missing"},
      {"tap", "--net: tap is missing"},
      {"fd", "--net: fd is missing"},
      {"fd=x", "--net: fd: 'x' is no whole number"},
      {"fd=-1", "--net: fd: '-1' is no whole number"},
      {"tap=t,fd=3", "--net: tap and fd exclude each other"},
      {"user,tap=t", "--net net0: tap: the backend is user"},
      {"tap=seventeen-letters", "--net net0: tap: "},
      {"tap=t,hostfwd=tcp::1-:1", "--net net0: hostfwd needs the backend user"},
      {"user,hostfw=tcp::1-:1", "--net: unknown key 'hostfw' (did you mean 'hostfwd'?)"},
      {"user,hostfwd=tcp::1", "--net: hostfwd: 'tcp::1' is no forward"},
      {"user,hostfwd=tcp::1-:1,hostfwd=tcp::1-:2", "the host's port is forwarded already"},
      {"user,mac=x", "--net: mac: 'x' is no MAC address"},
      {"user,mac=01:00:00:00:00:00", "--net net0: mac 01:00"},
      {"user,queues=2", "--net net0: queues needs the backend tap"}};
  for (const auto& [text, error] : cases) {
    EXPECT_THAT(ErrorOf({"--net", text}), HasSubstr(error)) << text;
  }
}

TEST(VsockOptionTest, NeedsBothKeysOnce) {
  EXPECT_EQ(Devices({"--vsock", "cid=7,socket=v"}).vsock, (VsockConfig{7, "v"}));
  EXPECT_EQ(ErrorOf({"--vsock", "cid=7"}), "--vsock: socket is missing");
  EXPECT_EQ(ErrorOf({"--vsock", "socket=v"}), "--vsock: cid is missing");
  EXPECT_THAT(ErrorOf({"--vsock", "cid=2,socket=v"}), HasSubstr("--vsock: cid: '2' is out of"));
  EXPECT_EQ(ErrorOf({"--vsock", "cid=3,socket=v", "--vsock", "cid=4,socket=w"}),
            "--vsock is given twice");
}

TEST(FsOptionTest, IsReadAndMayBeRepeated) {
  const DevicesConfig devices =
      Devices({"--fs", "tag=home,socket=a", "--fs", "tag=src,socket=b,id=x,queue-size=128"});
  ASSERT_EQ(devices.shares.size(), 2u);
  EXPECT_EQ(devices.shares[0], (FsConfig{.socket = "a", .tag = "home"}));
  EXPECT_EQ(devices.shares[1],
            (FsConfig{.socket = "b", .tag = "src", .id = "x", .queue_size = 128}));
  EXPECT_EQ(ErrorOf({"--fs", "socket=a"}), "--fs: tag is missing");
  EXPECT_THAT(ErrorOf({"--fs", "tag=a,sokcet=a"}), HasSubstr("did you mean 'socket'?"));
}

TEST(SimpleDeviceOptionsTest, AreReadAndChecked) {
  const DevicesConfig devices =
      Devices({"--rng", "on", "--pci-bars", "io", "--console-device", "virtio"});
  EXPECT_TRUE(devices.rng);
  EXPECT_EQ(devices.pci_bars, PciBars::kIo);
  EXPECT_TRUE(devices.virtio_console);
  EXPECT_THAT(ErrorOf({"--rng", "yes"}), HasSubstr("--rng: 'yes'"));
  EXPECT_THAT(ErrorOf({"--pci-bars", "ports"}), HasSubstr("--pci-bars: 'ports'"));
  EXPECT_THAT(ErrorOf({"--console-device", "hvc0"}), HasSubstr("--console-device: 'hvc0'"));
}

}  // namespace
}  // namespace sealvm
