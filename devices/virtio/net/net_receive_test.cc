// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <thread>

#include "devices/virtio/net/net_testing.h"

namespace sealvm {
namespace {

constexpr uint64_t kNotMergeable = ~kNetMergeableBuffers;

class NetReceiveTest : public testing::TestWithParam<bool> {
 protected:
  static NetBench::Settings With(uint64_t wanted = ~uint64_t{0}) {
    return {.rings = {.packed = GetParam()}, .wanted = wanted};
  }
};

TEST_P(NetReceiveTest, FrameReachesTheGuestsBuffer) {
  NetBench bench(With());
  const GuestBuffer room = bench.guest.Room(2000);
  bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(100)));
  EXPECT_EQ(bench.TakeReceived(room), Join(PlainHeader(), MakeFrame(100)));
}

TEST_P(NetReceiveTest, FrameReachesABufferThatIsNotMergeable) {
  NetBench bench(With(kNotMergeable));
  const GuestBuffer room = bench.guest.Room(2000);
  bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(100)));
  EXPECT_EQ(bench.TakeReceived(room), Join(PlainHeader(), MakeFrame(100)));
}

TEST_P(NetReceiveTest, LongFrameIsSpreadOverMergeableBuffers) {
  NetBench bench(With());
  std::vector<GuestBuffer> rooms;
  for (int i = 0; i < 4; ++i) rooms.push_back(bench.guest.Room(1000));
  for (const GuestBuffer room : rooms) bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(2500)));
  Bytes received;
  for (int i = 0; i < 3; ++i) {
    const auto part = bench.TakeReceived(rooms[static_cast<size_t>(i)]);
    ASSERT_TRUE(part);
    received.insert(received.end(), part->begin(), part->end());
  }
  EXPECT_EQ(received, Join(PlainHeader(3), MakeFrame(2500)));
}

TEST_P(NetReceiveTest, BufferThatALongFrameLeftServesTheNext) {
  NetBench bench(With());
  std::vector<GuestBuffer> rooms;
  for (int i = 0; i < 4; ++i) rooms.push_back(bench.guest.Room(1000));
  for (const GuestBuffer room : rooms) bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(2500)));
  bench.Inject(Join({}, MakeFrame(80, 1)));
  for (size_t i = 0; i < 3; ++i) ASSERT_TRUE(bench.TakeReceived(rooms[i]));
  EXPECT_EQ(bench.TakeReceived(rooms[3]), Join(PlainHeader(), MakeFrame(80, 1)));
}

TEST_P(NetReceiveTest, FrameWaitsForMoreMergeableBuffers) {
  NetBench bench(With());
  const std::array rooms = {bench.guest.Room(1000), bench.guest.Room(1000)};
  bench.Offer(rooms[0]);
  bench.Inject(Join({}, MakeFrame(1500)));
  ASSERT_TRUE(bench.Await([&] { return bench.device->counters().requests == 1; }));
  EXPECT_FALSE(bench.driver->queue(0).TakeUsed());
  bench.Offer(rooms[1]);
  const auto first = bench.TakeReceived(rooms[0]);
  const auto second = bench.TakeReceived(rooms[1]);
  ASSERT_TRUE(first && second);
  Bytes received = *first;
  received.insert(received.end(), second->begin(), second->end());
  EXPECT_EQ(received, Join(PlainHeader(2), MakeFrame(1500)));
}

TEST_P(NetReceiveTest, FrameLongerThanTheWholeRingIsDropped) {
  NetBench::Settings settings = With();
  settings.queue_size = 2;
  NetBench bench(settings);
  const std::array rooms = {bench.guest.Room(1000), bench.guest.Room(1000)};
  for (const GuestBuffer room : rooms) bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(5000)));
  bench.Inject(Join({}, MakeFrame(60, 1)));
  EXPECT_EQ(bench.TakeReceived(rooms[0]), Join(PlainHeader(), MakeFrame(60, 1)));
  EXPECT_EQ(bench.errors(), 1u);
}

TEST_P(NetReceiveTest, FrameLongerThanABufferIsDroppedWithoutMerging) {
  NetBench bench(With(kNotMergeable));
  const std::array rooms = {bench.guest.Room(1526), bench.guest.Room(1526)};
  for (const GuestBuffer room : rooms) bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(1515)));
  bench.Inject(Join({}, MakeFrame(1514, 1)));
  EXPECT_EQ(bench.TakeReceived(rooms[0]), Join(PlainHeader(), MakeFrame(1514, 1)));
  EXPECT_EQ(bench.errors(), 1u);
}

TEST_P(NetReceiveTest, FrameOfTheGreatestLengthArrives) {
  NetBench bench(With());
  const GuestBuffer room = bench.guest.Room(70'000);
  bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(kMaxFrameBytes)));
  EXPECT_EQ(bench.TakeReceived(room), Join(PlainHeader(), MakeFrame(kMaxFrameBytes)));
}

TEST_P(NetReceiveTest, FramesWaitUntilThereAreBuffers) {
  NetBench bench(With());
  for (uint8_t i = 0; i < 3; ++i) bench.Inject(Join({}, MakeFrame(60, i)));
  const std::array rooms = {bench.guest.Room(200), bench.guest.Room(200), bench.guest.Room(200)};
  for (uint8_t i = 0; i < 3; ++i) {
    bench.Offer(rooms[i]);
    EXPECT_EQ(bench.TakeReceived(rooms[i]), Join(PlainHeader(), MakeFrame(60, i)));
  }
}

TEST_P(NetReceiveTest, NobodySpinsWhileTheGuestHasNoBuffers) {
  NetBench bench(With());
  bench.Inject(Join({}, MakeFrame(60)));
  bench.Inject(Join({}, MakeFrame(60)));
  const GuestBuffer room = bench.guest.Room(200);
  bench.Offer(room);
  ASSERT_TRUE(bench.TakeReceived(room));
  const int before = bench.records[0]->receives;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_LE(bench.records[0]->receives, before + 2);
}

TEST_P(NetReceiveTest, HeaderOfTheKernelIsKept) {
  NetBench bench(With());
  const GuestBuffer room = bench.guest.Room(2000);
  bench.Offer(room);
  NetHeader header = {kNetHeaderNeedsCsum, kNetGsoTcp4, 54, 1460, 34, 16, 0};
  bench.Inject(Join(header, MakeFrame(100)));
  header.num_buffers = 1;
  EXPECT_EQ(bench.TakeReceived(room), Join(header, MakeFrame(100)));
}

TEST_P(NetReceiveTest, FlagsAreClearedWithoutGuestCsum) {
  NetBench bench(With(~kNetGuestCsum));
  const GuestBuffer room = bench.guest.Room(2000);
  bench.Offer(room);
  constexpr uint8_t kDataValid = 2;
  bench.Inject(Join({.flags = kDataValid}, MakeFrame(100)));
  EXPECT_EQ(bench.TakeReceived(room), Join(PlainHeader(), MakeFrame(100)));
}

TEST_P(NetReceiveTest, HeaderMayLieInPieces) {
  NetBench bench(With());
  const std::array pieces = {bench.guest.Room(1), bench.guest.Room(10), bench.guest.Room(500)};
  bench.driver->Submit(0, {}, pieces);
  bench.Inject(Join({}, MakeFrame(100)));
  ASSERT_TRUE(bench.driver->Wait(0));
  Bytes received;
  for (const GuestBuffer piece : pieces) {
    const Bytes bytes = bench.guest.Read(piece);
    received.insert(received.end(), bytes.begin(), bytes.end());
  }
  received.resize(sizeof(NetHeader) + 100);
  EXPECT_EQ(received, Join(PlainHeader(), MakeFrame(100)));
}

TEST_P(NetReceiveTest, BufferOutsideMemoryStopsTheDevice) {
  NetBench bench(With(kNotMergeable));
  bench.Offer({Gpa{1} << 40, 2000});
  bench.Inject(Join({}, MakeFrame(100)));
  EXPECT_TRUE(bench.Await([&] { return bench.driver->transport().failure().has_value(); }));
  EXPECT_EQ(bench.device->counters().refused_ranges, 1u);
}

TEST_P(NetReceiveTest, TailOutsideMemoryStopsTheDevice) {
  NetBench bench(With());
  const std::array pieces = {bench.guest.Room(2048), GuestBuffer{Gpa{1} << 40, 4000}};
  bench.driver->Submit(0, {}, pieces);
  bench.Inject(Join({}, MakeFrame(3000)));
  EXPECT_TRUE(bench.Await([&] { return bench.driver->transport().failure().has_value(); }));
  EXPECT_EQ(bench.device->counters().refused_ranges, 1u);
}

TEST_P(NetReceiveTest, BufferThatMayNotBeWrittenStopsTheDevice) {
  NetBench bench(With());
  bench.driver->Submit(0, std::array{bench.guest.Room(100)}, {});
  EXPECT_TRUE(bench.Await([&] { return bench.driver->transport().failure().has_value(); }));
}

TEST_P(NetReceiveTest, ManyFramesArriveInOrder) {
  NetBench bench(With());
  const GuestBuffer room = bench.guest.Room(400);
  for (int i = 0; i < 300; ++i) {
    bench.Offer(room);
    const Bytes frame = MakeFrame(60, static_cast<uint8_t>(i));
    bench.Inject(Join({}, frame));
    ASSERT_EQ(bench.TakeReceived(room), Join(PlainHeader(), frame)) << i;
  }
}

TEST_P(NetReceiveTest, RateLimitHoldsFramesBackAndLosesNone) {
  NetBench::Settings settings = With();
  settings.options.receive = {.ops_per_second = 200, .ops_burst = 1};
  NetBench bench(settings);
  std::vector<GuestBuffer> rooms;
  for (uint8_t i = 0; i < 5; ++i) {
    rooms.push_back(bench.guest.Room(200));
    bench.Offer(rooms.back());
    bench.Inject(Join({}, MakeFrame(60, i)));
  }
  for (uint8_t i = 0; i < 5; ++i) {
    EXPECT_EQ(bench.TakeReceived(rooms[i]), Join(PlainHeader(), MakeFrame(60, i)));
  }
  EXPECT_GT(bench.device->counters().throttled, 0u);
}

TEST_P(NetReceiveTest, FramesFromBeforeTheDriverAreDropped) {
  NetBench::Settings settings = With();
  settings.start = false;
  NetBench bench(settings);
  bench.Inject(Join({}, MakeFrame(60, 1)));
  ASSERT_TRUE(bench.driver->Start());
  const GuestBuffer room = bench.guest.Room(200);
  bench.Offer(room);
  bench.Inject(Join({}, MakeFrame(60, 2)));
  EXPECT_EQ(bench.TakeReceived(room), Join(PlainHeader(), MakeFrame(60, 2)));
}

INSTANTIATE_TEST_SUITE_P(Rings, NetReceiveTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Packed" : "Split"; });

}  // namespace
}  // namespace sealvm
