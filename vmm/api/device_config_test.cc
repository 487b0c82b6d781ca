// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/device_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

TEST(DeviceNamesTest, EachReadsBack) {
  for (const PciBars bars : {PciBars::kAuto, PciBars::kMmio, PciBars::kIo}) {
    EXPECT_EQ(ParsePciBars(PciBarsName(bars)).value(), bars);
  }
  for (const DiskEngine engine : {DiskEngine::kAuto, DiskEngine::kIoUring, DiskEngine::kThreads}) {
    EXPECT_EQ(ParseDiskEngine(DiskEngineName(engine)).value(), engine);
  }
  for (const NetBackend backend : {NetBackend::kUser, NetBackend::kTap, NetBackend::kTapFd}) {
    EXPECT_EQ(ParseNetBackend(NetBackendName(backend)).value(), backend);
  }
  EXPECT_EQ(ParseDiskFormat(DiskFormatName(DiskFormat::kRaw)).value(), DiskFormat::kRaw);
}

TEST(DeviceNamesTest, UnknownOnesNameTheChoices) {
  EXPECT_EQ(ParseDiskFormat("qcow2").error().ToString(), "'qcow2' is no disk format (one of raw)");
  EXPECT_THAT(ParseDiskEngine("aio").error().hint, HasSubstr("io_uring"));
  EXPECT_FALSE(ParsePciBars("port"));
  EXPECT_FALSE(ParseNetBackend("bridge"));
}

TEST(MacAddressTest, ReadsBackInLowerCase) {
  const Result<MacAddress> mac = ParseMacAddress("52:54:00:Ab:cD:0f");
  ASSERT_TRUE(mac);
  EXPECT_EQ(*mac, (MacAddress{0x52, 0x54, 0x00, 0xab, 0xcd, 0x0f}));
  EXPECT_EQ(FormatMacAddress(*mac), "52:54:00:ab:cd:0f");
}

TEST(MacAddressTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "52:54:00:12:34", "52:54:00:12:34:5", "52:54:00:12:34:56:78", "52-54-00-12-34-56",
        "525400123456", "52:54:00:12:34:5g", "52:54:00:12:34:567"}) {
    const Result<MacAddress> mac = ParseMacAddress(text);
    ASSERT_FALSE(mac) << text;
    EXPECT_EQ(mac.error().kind, ErrorKind::kInvalidInput);
  }
}

TEST(PortForwardTest, ReadsBack) {
  for (const char* text : {"tcp:127.0.0.1:2222-:22", "udp::53-:53", "tcp::65535-:1"}) {
    const Result<PortForward> forward = ParsePortForward(text);
    ASSERT_TRUE(forward) << forward.error().ToString();
    EXPECT_EQ(FormatPortForward(*forward), text);
  }
}

TEST(PortForwardTest, ItsPartsAreFound) {
  const PortForward forward = ParsePortForward("udp:10.0.0.1:5000-:6000").value();
  EXPECT_EQ(forward.protocol, PortForward::Protocol::kUdp);
  EXPECT_EQ(forward.host_address, "10.0.0.1");
  EXPECT_EQ(forward.host_port, 5000);
  EXPECT_EQ(forward.guest_port, 6000);
}

TEST(PortForwardTest, RefusesWhatIsNone) {
  for (const char* text : {"", "tcp", "tcp:", "tcp::", "tcp::1", "tcp::1-", "tcp::1-2",
                           "sctp::1-:2", "tcp:1-:2", "tcp::0-:2", "tcp::1-:0", "tcp::65536-:2",
                           "tcp::1-:2x", "tcp::1-:", "tcp::-:2", "tcp::+1-:2", "tcp:[::1]:1-:2"}) {
    const Result<PortForward> forward = ParsePortForward(text);
    ASSERT_FALSE(forward) << text;
    EXPECT_EQ(forward.error().kind, ErrorKind::kInvalidInput);
  }
}

TEST(PortForwardTest, GuestAddressIsRefusedByName) {
  EXPECT_THAT(ParsePortForward("tcp::2222-10.0.2.15:22").error().message,
              HasSubstr("the guest's address must be empty"));
}

TEST(DefaultIdsTest, OnlyEmptyOnesAreFilled) {
  DevicesConfig devices;
  devices.disks.resize(3);
  devices.disks[1].id = "data";
  devices.nets.resize(1);
  devices.shares.resize(1);
  const DevicesConfig filled = WithDefaultIds(devices);
  EXPECT_EQ(filled.disks[0].id, "disk0");
  EXPECT_EQ(filled.disks[1].id, "data");
  EXPECT_EQ(filled.disks[2].id, "disk2");
  EXPECT_EQ(filled.nets[0].id, "net0");
  EXPECT_EQ(filled.shares[0].id, "fs0");
}

}  // namespace
}  // namespace sealvm
