// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/api/config.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

DevicesConfig OneDisk(const DiskConfig& disk) {
  DevicesConfig devices;
  devices.disks = {disk};
  return devices;
}

DevicesConfig OneNet(const NetConfig& net) {
  DevicesConfig devices;
  devices.nets = {net};
  return devices;
}

DevicesConfig OneShare(const FsConfig& share) {
  DevicesConfig devices;
  devices.shares = {share};
  return devices;
}

DevicesConfig OneVsock(uint32_t cid, const std::string& socket) {
  DevicesConfig devices;
  devices.vsock = VsockConfig{cid, socket};
  return devices;
}

// "" for devices that are right.
std::string ErrorOf(const DevicesConfig& devices) {
  MachineConfig config;
  config.devices = devices;
  const Result<> valid = ValidateConfig(config);
  if (valid) return {};
  EXPECT_EQ(valid.error().kind, ErrorKind::kInvalidInput);
  return valid.error().ToString();
}

std::string DiskError(const DiskConfig& disk) { return ErrorOf(OneDisk(disk)); }
std::string NetError(const NetConfig& net) { return ErrorOf(OneNet(net)); }

TEST(DeviceValidationTest, PlainDevicesAreRight) {
  DevicesConfig devices;
  devices.disks.resize(2, {.path = "a.img"});
  devices.nets.resize(2);
  devices.vsock = VsockConfig{3, "v.sock"};
  devices.shares = {{.socket = "fs.sock", .tag = "home"}};
  devices.rng = true;
  devices.virtio_console = true;
  EXPECT_EQ(ErrorOf(devices), "");
}

TEST(DeviceValidationTest, IdsAreShortWords) {
  EXPECT_EQ(DiskError({.path = "a", .id = "A-z_0.9"}), "");
  EXPECT_EQ(DiskError({.path = "a", .id = std::string(32, 'x')}), "");
  for (const std::string& id : {std::string(33, 'x'), std::string("a b"), std::string("a/b"),
                                std::string("\xc3\xa4"), std::string(1, '\0')}) {
    EXPECT_THAT(DiskError({.path = "a", .id = id}), HasSubstr("--disk id: ")) << id;
  }
}

TEST(DeviceValidationTest, IdsDiffer) {
  DevicesConfig devices = OneDisk({.path = "a", .id = "x"});
  devices.nets = {{.id = "x"}};
  EXPECT_EQ(ErrorOf(devices), "--net id: 'x' is another device's already");
}

TEST(DeviceValidationTest, GivenIdsDifferFromThoseThatAreMade) {
  DevicesConfig devices;
  devices.disks = {{.path = "a", .id = "disk1"}, {.path = "b"}};
  EXPECT_THAT(ErrorOf(devices), HasSubstr("'disk1' is another"));
  devices = OneDisk({.path = "a", .id = "rng"});
  EXPECT_EQ(ErrorOf(devices), "");
  devices.rng = true;
  EXPECT_THAT(ErrorOf(devices), HasSubstr("'rng' is another"));
}

TEST(DeviceValidationTest, PathsAreThereAndHaveNoZeroBytes) {
  EXPECT_EQ(DiskError({}), "--disk disk0: path is missing");
  EXPECT_THAT(DiskError({.path = std::string("a\0b", 3)}), HasSubstr("path: the path contains"));
  EXPECT_EQ(ErrorOf(OneVsock(3, "")), "--vsock: socket is missing");
  EXPECT_EQ(ErrorOf(OneShare({.tag = "t"})), "--fs fs0: socket is missing");
}

TEST(DeviceValidationTest, SocketPathsFitTheirAddress) {
  EXPECT_EQ(ErrorOf(OneShare({.socket = std::string(107, 's'), .tag = "t"})), "");
  EXPECT_THAT(ErrorOf(OneShare({.socket = std::string(108, 's'), .tag = "t"})),
              HasSubstr("--fs fs0: socket: the path has 108 bytes"));
}

TEST(DeviceValidationTest, VsockPathsHaveRoomForAPort) {
  EXPECT_EQ(ErrorOf(OneVsock(3, std::string(96, 's'))), "");
  EXPECT_THAT(ErrorOf(OneVsock(3, std::string(97, 's'))), HasSubstr("at most 96"));
}

TEST(DeviceValidationTest, QueueSizesArePowersOfTwo) {
  for (const uint16_t size : {2, 256, 1024}) {
    EXPECT_EQ(DiskError({.path = "a", .queue_size = size}), "");
  }
  for (const uint16_t size : {0, 1, 3, 255, 2048, 32768}) {
    EXPECT_THAT(DiskError({.path = "a", .queue_size = size}), HasSubstr("disk0: queue-size "));
    EXPECT_THAT(NetError({.queue_size = size}), HasSubstr("--net net0: queue-size "));
    EXPECT_THAT(ErrorOf(OneShare({.socket = "s", .tag = "t", .queue_size = size})),
                HasSubstr("--fs fs0: queue-size "));
  }
}

TEST(DeviceValidationTest, QueuesHaveALimit) {
  EXPECT_EQ(DiskError({.path = "a", .queues = 16}), "");
  EXPECT_THAT(DiskError({.path = "a", .queues = 17}), HasSubstr("queues 17"));
  EXPECT_EQ(NetError({.backend = NetBackend::kTap, .tap = "t", .queue_pairs = 16}), "");
  for (const uint16_t pairs : {0, 17}) {
    EXPECT_THAT(NetError({.backend = NetBackend::kTap, .tap = "t", .queue_pairs = pairs}),
                HasSubstr("queues "));
  }
  EXPECT_THAT(NetError({.queue_pairs = 2}), HasSubstr("queues needs the backend tap"));
}

TEST(DeviceValidationTest, SerialNumbersAreShortAndPrintable) {
  EXPECT_EQ(DiskError({.path = "a", .serial = "S3CR3T number 000020"}), "");
  EXPECT_THAT(DiskError({.path = "a", .serial = std::string(21, 'x')}), HasSubstr("serial: "));
  EXPECT_THAT(DiskError({.path = "a", .serial = "a\n"}), HasSubstr("serial: "));
  EXPECT_THAT(DiskError({.path = "a", .serial = "\xff"}), HasSubstr("serial: "));
}

TEST(DeviceValidationTest, BurstsNeedTheirRate) {
  EXPECT_EQ(DiskError({.path = "a", .limits = {.bytes_per_second = 1, .bytes_burst = 2}}), "");
  EXPECT_EQ(DiskError({.path = "a", .limits = {.bytes_per_second = 1, .ops_burst = 2}}),
            "--disk disk0: ops-burst needs ops-per-second");
  EXPECT_EQ(NetError({.transmit_limits = {.bytes_burst = 2}}),
            "--net net0: tx-bytes-burst needs tx-bytes-per-second");
}

TEST(DeviceValidationTest, TapsHaveInterfaceNames) {
  EXPECT_EQ(NetError({.backend = NetBackend::kTap, .tap = "fifteen-letters"}), "");
  for (const std::string& tap : {std::string(), std::string(16, 't'), std::string("a/b"),
                                 std::string("a b"), std::string("a\0", 2)}) {
    EXPECT_THAT(NetError({.backend = NetBackend::kTap, .tap = tap}), HasSubstr("tap: "));
  }
}

TEST(DeviceValidationTest, FieldsOfAnotherBackendAreRefused) {
  EXPECT_THAT(NetError({.backend = NetBackend::kUser, .tap = "t"}), HasSubstr("tap: "));
  EXPECT_THAT(NetError({.backend = NetBackend::kUser, .fd = 3}), HasSubstr("fd: "));
  EXPECT_THAT(NetError({.backend = NetBackend::kTapFd}), HasSubstr("fd: "));
  EXPECT_EQ(NetError({.backend = NetBackend::kTapFd, .fd = 0}), "");
  EXPECT_THAT(NetError({.backend = NetBackend::kTapFd, .fd = 3, .forwards = {{}}}),
              HasSubstr("hostfwd needs the backend user"));
}

TEST(DeviceValidationTest, MacAddressesBelongToOneCard) {
  EXPECT_EQ(NetError({.mac = MacAddress{0x52, 0x54, 0, 0, 0, 1}}), "");
  EXPECT_THAT(NetError({.mac = MacAddress{0x53, 0x54, 0, 0, 0, 1}}), HasSubstr("mac 53:54"));
  EXPECT_THAT(NetError({.mac = MacAddress{}}), HasSubstr("zero address"));
}

PortForward Forward(const char* text) { return ParsePortForward(text).value(); }

TEST(DeviceValidationTest, HostPortsAreForwardedOnce) {
  const auto error = [](const char* first, const char* second) {
    DevicesConfig devices;
    devices.nets = {{.forwards = {Forward(first)}}, {.forwards = {Forward(second)}}};
    return ErrorOf(devices);
  };
  EXPECT_EQ(error("tcp::22-:22", "udp::22-:22"), "");
  EXPECT_EQ(error("tcp::22-:22", "tcp::23-:22"), "");
  EXPECT_EQ(error("tcp:127.0.0.1:22-:22", "tcp:127.0.0.2:22-:22"), "");
  EXPECT_THAT(error("tcp::22-:22", "tcp::22-:23"), HasSubstr("--net net1: hostfwd tcp::22-:23"));
  EXPECT_THAT(error("tcp::22-:22", "tcp:127.0.0.1:22-:22"), HasSubstr("forwarded already"));
  EXPECT_THAT(error("tcp:127.0.0.1:22-:22", "tcp:0.0.0.0:22-:22"), HasSubstr("already"));
  EXPECT_THAT(NetError({.forwards = {Forward("tcp::1-:1"), Forward("tcp::1-:2")}}),
              HasSubstr("forwarded already"));
}

TEST(DeviceValidationTest, ForwardsHaveAddressesOfTheHost) {
  for (const char* text : {"tcp:127.0.0.1:1-:1", "tcp:0.0.0.0:1-:1", "tcp::1-:1"}) {
    EXPECT_EQ(NetError({.forwards = {Forward(text)}}), "");
  }
  for (const char* text : {"tcp:localhost:1-:1", "tcp:256.0.0.1:1-:1"}) {
    EXPECT_THAT(NetError({.forwards = {Forward(text)}}), HasSubstr("is not IPv4"));
  }
}

TEST(DeviceValidationTest, ContextIdsAreNotReserved) {
  for (const uint32_t cid : {3u, 0xffff'fffeu}) EXPECT_EQ(ErrorOf(OneVsock(cid, "s")), "");
  for (const uint32_t cid : {0u, 2u, 0xffff'ffffu}) {
    EXPECT_THAT(ErrorOf(OneVsock(cid, "s")), HasSubstr("--vsock: cid "));
  }
}

TEST(DeviceValidationTest, TagsFitTheirField) {
  EXPECT_EQ(ErrorOf(OneShare({.socket = "s", .tag = std::string(36, 't')})), "");
  for (const std::string& tag : {std::string(), std::string(37, 't'), std::string("a\0b", 3)}) {
    EXPECT_THAT(ErrorOf(OneShare({.socket = "s", .tag = tag})), HasSubstr("fs0: tag: "));
  }
}

TEST(DeviceValidationTest, DevicesFitOneBus) {
  DevicesConfig devices;
  devices.disks.resize(26, {.path = "a"});
  devices.rng = true;
  devices.virtio_console = true;
  EXPECT_EQ(ErrorOf(devices), "");
  devices.vsock = VsockConfig{3, "s"};
  EXPECT_THAT(ErrorOf(devices), HasSubstr("29 devices are too many"));
}

}  // namespace
}  // namespace sealvm
