// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/net_device.h"

#include <gtest/gtest.h>

#include "devices/virtio/net/net_testing.h"
#include "devices/virtio/net/stream_peer.h"

namespace sealvm {
namespace {

Bytes Config(NetDevice& device, uint64_t offset, size_t length) {
  Bytes bytes(length, 0xee);
  device.ReadConfig(offset, bytes);
  return bytes;
}

bool LinkUpInConfig(NetDevice& device) { return Config(device, kNetConfigStatus, 1)[0] == 1; }

TEST(NetDeviceTest, ConfigHasMacLinkAndPairs) {
  NetBench bench({.pairs = 2, .options = {.mac = MacAddress{2, 3, 4, 5, 6, 7}}, .start = false});
  EXPECT_EQ(Config(*bench.device, 0, 12), (Bytes{2, 3, 4, 5, 6, 7, 1, 0, 2, 0, 0, 0}));
}

TEST(NetDeviceTest, ConfigBeyondItsEndIsZero) {
  NetBench bench({.start = false});
  EXPECT_EQ(Config(*bench.device, 9, 4), (Bytes{0, 0, 0, 0}));
  EXPECT_EQ(Config(*bench.device, ~uint64_t{0}, 2), (Bytes{0, 0}));
}

TEST(NetDeviceTest, MacIsTheSameForAName) {
  NetBench first({.options = {.name = "net3"}, .start = false});
  NetBench second({.options = {.name = "net3"}, .start = false});
  NetBench other({.options = {.name = "net4"}, .start = false});
  EXPECT_EQ(first.device->mac(), second.device->mac());
  EXPECT_NE(first.device->mac(), other.device->mac());
}

TEST(NetDeviceTest, OffloadsAreOfferedWhereThePeerHasThem) {
  NetBench bench({.start = false});
  EXPECT_NE(bench.device->Features() & kNetHostTso4, 0u);
  std::vector<std::unique_ptr<NetPeer>> peers;
  peers.push_back(std::make_unique<StreamPeer>(MakeSockets(SOCK_STREAM).first));
  const auto device = NetDevice::CreateOn({}, std::move(peers));
  EXPECT_EQ(device->Features(), kNetMac | kNetStatus | kNetMergeableBuffers);
}

TEST(NetDeviceTest, PeerLearnsTheNegotiatedFeatures) {
  NetBench bench({.wanted = kNetGuestCsum | kNetGuestTso4});
  EXPECT_EQ(bench.records[0]->features & (kNetGuestCsum | kNetGuestTso4 | kNetGuestTso6),
            kNetGuestCsum | kNetGuestTso4);
  bench.driver->Reset();
  EXPECT_EQ(bench.records[0]->features, 0u);
}

TEST(NetDeviceTest, PeerThatGoesTakesTheLinkDown) {
  std::atomic<int> lines = 0;
  NetOptions options;
  options.logger = Logger(LogLevel::kInfo, [&](LogLevel, std::string_view) { ++lines; });
  NetBench bench({.options = options});
  EXPECT_TRUE(LinkUpInConfig(*bench.device));
  bench.hosts[0].Reset();
  EXPECT_TRUE(bench.Await([&] { return bench.driver->transport().config_interrupts() == 1; }));
  EXPECT_FALSE(LinkUpInConfig(*bench.device));
  EXPECT_EQ(lines, 1);
}

TEST(NetDeviceTest, FramesOfAGuestWithoutLinkAreDropped) {
  NetBench bench;
  bench.hosts[0].Reset();
  EXPECT_TRUE(bench.Transmit({}, MakeFrame(60)));
  EXPECT_TRUE(bench.Transmit({}, MakeFrame(60)));
  EXPECT_EQ(bench.errors(), 2u);
  EXPECT_FALSE(bench.device->link_up());
}

TEST(NetDeviceTest, FramesThatWaitedAreDroppedWhenThePeerGoes) {
  NetBench bench;
  for (int i = 0; i < 40; ++i) {
    bench.driver->Submit(1, std::array{bench.guest.Place(Join({}, MakeFrame(30'000)))}, {});
  }
  bench.hosts[0].Reset();
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(bench.driver->Wait(1)) << i;
}

TEST(NetDeviceTest, LinkStaysDownForTheNextDriver) {
  NetBench bench;
  bench.hosts[0].Reset();
  ASSERT_TRUE(bench.Await([&] { return !bench.device->link_up(); }));
  bench.driver->Reset();
  ASSERT_TRUE(bench.driver->Start());
  EXPECT_FALSE(LinkUpInConfig(*bench.device));
  EXPECT_TRUE(bench.Transmit({}, MakeFrame(60)));
}

TEST(NetDeviceTest, WorksAgainAfterAReset) {
  NetBench bench;
  bench.Offer(bench.guest.Room(200));
  bench.driver->Reset();
  ASSERT_TRUE(bench.driver->Start());
  const GuestBuffer room = bench.guest.Room(200);
  bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(60)));
  EXPECT_EQ(bench.TakeReceived(room), Join(PlainHeader(), MakeFrame(60)));
}

TEST(NetDeviceTest, CountersAreSeenFromTheGuest) {
  NetBench bench;
  const GuestBuffer room = bench.guest.Room(200);
  bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(60)));
  ASSERT_TRUE(bench.TakeReceived(room));
  ASSERT_TRUE(bench.Transmit({}, MakeFrame(70)));
  EXPECT_EQ(bench.device->counters().bytes_read, 60u);
  EXPECT_EQ(bench.device->counters().bytes_written, 70u);
  EXPECT_EQ(bench.device->counters().requests, 2u);
}

TEST(NetDeviceTest, QueueSizeMustBeAPowerOfTwo) {
  const auto device = NetDevice::Create({.queue_size = 100});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().kind, ErrorKind::kInvalidInput);
}

TEST(NetDeviceTest, SeveralQueuePairsNeedATapByName) {
  const auto device = NetDevice::Create({.queue_pairs = 2});
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().kind, ErrorKind::kInvalidInput);
}

// With two pairs queue 4 is the control queue.
class NetMultiQueueTest : public testing::Test {
 protected:
  std::optional<uint8_t> Command(uint8_t command_class, uint8_t command, uint16_t pairs) {
    const GuestBuffer request = bench.guest.Place(Bytes{
        command_class, command, static_cast<uint8_t>(pairs), static_cast<uint8_t>(pairs >> 8)});
    const GuestBuffer answer = bench.guest.Room(1);
    if (bench.driver->Transact(4, std::array{request}, std::array{answer}) != 1) return {};
    return bench.guest.Read(answer)[0];
  }

  NetBench bench{{.pairs = 2}};
};

TEST_F(NetMultiQueueTest, PairIsAttachedWhenTheGuestAsks) {
  EXPECT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 2), kNetControlOk);
  EXPECT_TRUE(bench.records[1]->attached);
  EXPECT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 1), kNetControlOk);
  EXPECT_FALSE(bench.records[1]->attached);
}

TEST_F(NetMultiQueueTest, SecondPairReceivesOnceAttached) {
  const GuestBuffer room = bench.guest.Room(200);
  bench.Offer(room, 2);
  bench.Inject(Join({}, MakeFrame(60)), 1);
  EXPECT_FALSE(bench.driver->queue(2).TakeUsed());
  ASSERT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 2), kNetControlOk);
  EXPECT_EQ(bench.TakeReceived(room, 2), Join(PlainHeader(), MakeFrame(60)));
}

TEST_F(NetMultiQueueTest, SecondPairTransmitsOnceAttached) {
  EXPECT_TRUE(bench.Transmit({}, MakeFrame(60, 1), 3));
  EXPECT_EQ(bench.errors(), 1u);
  ASSERT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 2), kNetControlOk);
  EXPECT_TRUE(bench.Transmit({}, MakeFrame(60, 2), 3));
  EXPECT_EQ(bench.Collect(1), Join({}, MakeFrame(60, 2)));
}

TEST_F(NetMultiQueueTest, NumbersOutOfRangeAreRefused) {
  EXPECT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 0), kNetControlError);
  EXPECT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 3), kNetControlError);
  EXPECT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 0x102), kNetControlError);
}

TEST_F(NetMultiQueueTest, UnknownCommandsAreRefused) {
  EXPECT_EQ(Command(0, 0, 1), kNetControlError);
  EXPECT_EQ(Command(kNetControlMq, 1, 1), kNetControlError);
}

TEST_F(NetMultiQueueTest, CommandsWithoutRoomForAnAnswerComeBack) {
  const GuestBuffer request = bench.guest.Place(Bytes{kNetControlMq, 0});
  EXPECT_EQ(bench.driver->Transact(4, std::array{request}, {}), 0u);
  EXPECT_EQ(bench.driver->Transact(4, {}, std::array{bench.guest.Room(1)}), 1u);
}

TEST_F(NetMultiQueueTest, ResetDetachesPairs) {
  ASSERT_EQ(Command(kNetControlMq, kNetControlMqPairsSet, 2), kNetControlOk);
  bench.driver->Reset();
  EXPECT_FALSE(bench.records[1]->attached);
}

TEST(NetDeviceTest, QueuesThatWereNotNegotiatedDoNotStart) {
  NetBench bench({.wanted = ~kNetMultiQueue, .pairs = 2, .start = false});
  EXPECT_FALSE(bench.driver->Start());
}

}  // namespace
}  // namespace sealvm
