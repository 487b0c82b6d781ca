// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "devices/virtio/net/net_testing.h"

namespace sealvm {
namespace {

class NetTransmitTest : public testing::TestWithParam<bool> {
 protected:
  static NetBench::Settings With(uint64_t wanted = ~uint64_t{0}) {
    return {.rings = {.packed = GetParam()}, .wanted = wanted};
  }
};

TEST_P(NetTransmitTest, FrameLeavesWithItsHeader) {
  NetBench bench(With());
  const NetHeader header = {kNetHeaderNeedsCsum, kNetGsoTcp6, 74, 1440, 54, 16, 0};
  ASSERT_TRUE(bench.Transmit(header, MakeFrame(3000)));
  EXPECT_EQ(bench.Collect(), Join(header, MakeFrame(3000)));
}

TEST_P(NetTransmitTest, FrameMayLieInPieces) {
  NetBench bench(With());
  const Bytes packet = Join({}, MakeFrame(200));
  std::vector<GuestBuffer> pieces;
  for (size_t i = 0; i < packet.size(); i += 5) {
    const size_t length = std::min<size_t>(5, packet.size() - i);
    pieces.push_back(bench.guest.Place(std::span(packet).subspan(i, length)));
  }
  ASSERT_TRUE(bench.driver->Transact(1, pieces, {}));
  EXPECT_EQ(bench.Collect(), packet);
}

TEST_P(NetTransmitTest, FrameOfTheGreatestLengthLeaves) {
  NetBench bench(With());
  ASSERT_TRUE(bench.Transmit({}, MakeFrame(kMaxFrameBytes)));
  EXPECT_EQ(bench.Collect(), Join({}, MakeFrame(kMaxFrameBytes)));
}

// What must come back to the driver and reach nobody.
void ExpectDropped(NetBench& bench, std::span<const GuestBuffer> readable,
                   std::span<const GuestBuffer> writable = {}) {
  ASSERT_EQ(bench.driver->Transact(1, readable, writable), 0u);
  EXPECT_EQ(bench.errors(), 1u);
  ASSERT_TRUE(bench.Transmit({}, MakeFrame(60, 9)));
  EXPECT_EQ(bench.Collect(), Join({}, MakeFrame(60, 9)));
}

TEST_P(NetTransmitTest, FrameTooShortIsDropped) {
  NetBench bench(With());
  ExpectDropped(bench, std::array{bench.guest.Place(Join({}, MakeFrame(13)))});
}

TEST_P(NetTransmitTest, FrameTooLongIsDropped) {
  NetBench bench(With());
  ExpectDropped(bench, std::array{bench.guest.Place(Join({}, MakeFrame(kMaxFrameBytes + 1)))});
}

TEST_P(NetTransmitTest, RequestWithoutFrameIsDropped) {
  NetBench bench(With());
  ExpectDropped(bench, {}, std::array{bench.guest.Room(100)});
}

TEST_P(NetTransmitTest, HeaderOutsideMemoryStopsTheDevice) {
  NetBench bench(With());
  bench.driver->Submit(1, std::array{GuestBuffer{Gpa{1} << 40, 100}}, {});
  EXPECT_TRUE(bench.Await([&] { return bench.driver->transport().failure().has_value(); }));
  EXPECT_EQ(bench.device->counters().refused_ranges, 1u);
}

TEST_P(NetTransmitTest, FrameOutsideMemoryStopsTheDevice) {
  NetBench bench(With());
  bench.driver->Submit(
      1, std::array{bench.guest.Place(Join({}, {})), GuestBuffer{Gpa{1} << 40, 100}}, {});
  EXPECT_TRUE(bench.Await([&] { return bench.driver->transport().failure().has_value(); }));
  EXPECT_EQ(bench.device->counters().refused_ranges, 1u);
}

TEST_P(NetTransmitTest, HeaderThatWasNotNegotiatedIsDropped) {
  NetBench bench(With(~kNetCsum));
  const NetHeader header = {.flags = kNetHeaderNeedsCsum, .csum_start = 14, .csum_offset = 10};
  ExpectDropped(bench, std::array{bench.guest.Place(Join(header, MakeFrame(60)))});
}

TEST_P(NetTransmitTest, FramesWaitForAPeerWithoutRoom) {
  NetBench bench(With());
  constexpr uint8_t kFrames = 40;
  // Far more than a Unix socket's buffer.
  for (uint8_t i = 0; i < kFrames; ++i) {
    bench.driver->Submit(1, std::array{bench.guest.Place(Join({}, MakeFrame(30'000, i)))}, {});
  }
  for (uint8_t i = 0; i < kFrames; ++i) {
    ASSERT_EQ(bench.Collect(), Join({}, MakeFrame(30'000, i))) << int{i};
  }
  EXPECT_EQ(bench.errors(), 0u);
}

TEST_P(NetTransmitTest, RateLimitHoldsFramesBackAndLosesNone) {
  NetBench::Settings settings = With();
  settings.options.transmit = {.bytes_per_second = 20'000, .bytes_burst = 100};
  NetBench bench(settings);
  for (uint8_t i = 0; i < 5; ++i) {
    bench.driver->Submit(1, std::array{bench.guest.Place(Join({}, MakeFrame(100, i)))}, {});
  }
  for (uint8_t i = 0; i < 5; ++i) EXPECT_EQ(bench.Collect(), Join({}, MakeFrame(100, i)));
  EXPECT_GT(bench.device->counters().throttled, 0u);
}

TEST_P(NetTransmitTest, InterruptsAreSparedWhenTheDriverDoesNotWantThem) {
  NetBench bench(With());
  bench.driver->queue(1).WantInterrupts(false);
  ASSERT_TRUE(bench.Transmit({}, MakeFrame(60)));
  ASSERT_TRUE(bench.Transmit({}, MakeFrame(60)));
  EXPECT_EQ(bench.driver->transport().interrupts(1), 0u);
}

INSTANTIATE_TEST_SUITE_P(Rings, NetTransmitTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Packed" : "Split"; });

}  // namespace
}  // namespace sealvm
