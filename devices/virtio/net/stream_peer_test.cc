// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/stream_peer.h"

#include <gtest/gtest.h>

#include "devices/virtio/net/net_testing.h"

namespace sealvm {
namespace {

using Outcome = NetPeer::Outcome;

Bytes Framed(const Bytes& frame) {
  const size_t length = frame.size();
  Bytes stream = {static_cast<uint8_t>(length >> 24), static_cast<uint8_t>(length >> 16),
                  static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
  stream.insert(stream.end(), frame.begin(), frame.end());
  return stream;
}

class StreamPeerTest : public testing::Test {
 protected:
  StreamPeerTest() {
    auto [ours, theirs] = MakeSockets(SOCK_STREAM);
    host = std::move(ours);
    peer = std::make_unique<StreamPeer>(std::move(theirs));
  }
  void Write(std::span<const uint8_t> bytes) {
    ASSERT_EQ(send(host.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  Bytes ReceiveFrame() {
    const NetPeer::Received received = peer->Receive({});
    if (received.outcome != Outcome::kDone) return {};
    EXPECT_EQ(received.bytes, received.rest.size());
    return {received.rest.begin(), received.rest.end()};
  }
  Outcome Send(const Bytes& frame) {
    const iovec piece = {const_cast<uint8_t*>(frame.data()), frame.size()};
    return peer->Send({}, {&piece, 1});
  }
  // All that is there now.
  Bytes Read() {
    Bytes all;
    Bytes piece(100'000);
    ssize_t got = 0;
    while ((got = recv(host.get(), piece.data(), piece.size(), 0)) > 0) {
      all.insert(all.end(), piece.begin(), piece.begin() + got);
    }
    return all;
  }

  Fd host;
  std::unique_ptr<StreamPeer> peer;
};

TEST_F(StreamPeerTest, FrameGetsAnEmptyHeader) {
  Write(Framed(MakeFrame(60)));
  EXPECT_EQ(ReceiveFrame(), Join({}, MakeFrame(60)));
  EXPECT_EQ(peer->Receive({}).outcome, Outcome::kAgain);
}

TEST_F(StreamPeerTest, FramesOfOneReadComeOneByOne) {
  Bytes stream = Framed(MakeFrame(60, 1));
  const Bytes second = Framed(MakeFrame(14, 2));
  stream.insert(stream.end(), second.begin(), second.end());
  Write(stream);
  EXPECT_EQ(ReceiveFrame(), Join({}, MakeFrame(60, 1)));
  EXPECT_EQ(ReceiveFrame(), Join({}, MakeFrame(14, 2)));
}

TEST_F(StreamPeerTest, FrameMayComeByteByByte) {
  const Bytes stream = Framed(MakeFrame(60));
  for (size_t i = 0; i + 1 < stream.size(); ++i) {
    Write(std::span(stream).subspan(i, 1));
    ASSERT_EQ(peer->Receive({}).outcome, Outcome::kAgain) << i;
  }
  Write(std::span(stream).last(1));
  EXPECT_EQ(ReceiveFrame(), Join({}, MakeFrame(60)));
}

TEST_F(StreamPeerTest, ManyLongFramesPass) {
  for (uint8_t i = 0; i < 30; ++i) {
    Write(Framed(MakeFrame(kMaxFrameBytes, i)));
    ASSERT_EQ(ReceiveFrame(), Join({}, MakeFrame(kMaxFrameBytes, i))) << int{i};
  }
}

TEST_F(StreamPeerTest, FrameShorterThanEthernetsIsDropped) {
  Write(Framed(MakeFrame(13)));
  Write(Framed(MakeFrame(60)));
  EXPECT_EQ(peer->Receive({}).outcome, Outcome::kDropped);
  EXPECT_EQ(ReceiveFrame(), Join({}, MakeFrame(60)));
}

TEST_F(StreamPeerTest, EmptyFrameIsDropped) {
  Write(Framed({}));
  EXPECT_EQ(peer->Receive({}).outcome, Outcome::kDropped);
}

TEST_F(StreamPeerTest, LengthThatNoFrameHasEndsIt) {
  Write(Bytes{0, 1, 0, 14});
  EXPECT_EQ(peer->Receive({}).outcome, Outcome::kGone);
  EXPECT_EQ(Send(MakeFrame(60)), Outcome::kGone);
  EXPECT_NE(peer->gone_reason().find("65550 bytes"), std::string::npos) << peer->gone_reason();
}

TEST_F(StreamPeerTest, LastFramesComeBeforeTheEnd) {
  Write(Framed(MakeFrame(60)));
  host.Reset();
  EXPECT_EQ(ReceiveFrame(), Join({}, MakeFrame(60)));
  EXPECT_EQ(peer->Receive({}).outcome, Outcome::kGone);
  EXPECT_EQ(peer->Receive({}).outcome, Outcome::kGone);
}

TEST_F(StreamPeerTest, SendingToAClosedSocketIsTheEnd) {
  host.Reset();
  EXPECT_EQ(Send(MakeFrame(60)), Outcome::kGone);
}

TEST_F(StreamPeerTest, SentFrameHasItsLength) {
  ASSERT_EQ(Send(MakeFrame(0x1234)), Outcome::kDone);
  EXPECT_EQ(Read(), Framed(MakeFrame(0x1234)));
}

TEST_F(StreamPeerTest, FrameThatFitsInPartIsFinishedFirst) {
  Bytes expected;
  int sent = 0;
  while (peer->Flush() == Outcome::kDone) {
    ASSERT_LT(sent, 1000);
    const Bytes frame = MakeFrame(kMaxFrameBytes, static_cast<uint8_t>(sent++));
    if (Send(frame) != Outcome::kDone) break;
    const Bytes framed = Framed(frame);
    expected.insert(expected.end(), framed.begin(), framed.end());
  }
  Bytes seen = Read();
  for (int i = 0; i < 1000 && peer->Flush() == Outcome::kAgain; ++i) {
    const Bytes more = Read();
    seen.insert(seen.end(), more.begin(), more.end());
  }
  const Bytes last = Read();
  seen.insert(seen.end(), last.begin(), last.end());
  EXPECT_EQ(seen, expected);
}

// A stream socket behind a whole device.
TEST(StreamPeerDeviceTest, FramesPassInBothDirections) {
  auto [host, theirs] = MakeSockets(SOCK_STREAM);
  std::vector<std::unique_ptr<NetPeer>> peers;
  peers.push_back(std::make_unique<StreamPeer>(std::move(theirs)));
  const auto device = NetDevice::CreateOn({}, std::move(peers));
  TestGuest guest;
  TestDriver driver(guest, *device);
  ASSERT_TRUE(driver.Start());
  const GuestBuffer room = guest.Room(2000);
  driver.Submit(0, {}, std::array{room});
  const Bytes in = Framed(MakeFrame(1000, 1));
  ASSERT_EQ(send(host.get(), in.data(), in.size(), 0), static_cast<ssize_t>(in.size()));
  const auto used = driver.Wait(0);
  ASSERT_TRUE(used);
  EXPECT_EQ(guest.Read({room.gpa, used->written}), Join(PlainHeader(), MakeFrame(1000, 1)));
  ASSERT_TRUE(driver.Transact(1, std::array{guest.Place(Join({}, MakeFrame(500, 2)))}, {}));
  Bytes out(2000);
  const ssize_t got = recv(host.get(), out.data(), out.size(), 0);
  ASSERT_GT(got, 0);
  out.resize(static_cast<size_t>(got));
  EXPECT_EQ(out, Framed(MakeFrame(500, 2)));
}

TEST(StreamPeerDeviceTest, LongFramesWaitForASlowPeer) {
  auto [host, theirs] = MakeSockets(SOCK_STREAM);
  std::vector<std::unique_ptr<NetPeer>> peers;
  peers.push_back(std::make_unique<StreamPeer>(std::move(theirs)));
  const auto device = NetDevice::CreateOn({}, std::move(peers));
  TestGuest guest;
  TestDriver driver(guest, *device);
  ASSERT_TRUE(driver.Start());
  Bytes expected;
  for (uint8_t i = 0; i < 30; ++i) {
    const Bytes frame = MakeFrame(kMaxFrameBytes, i);
    driver.Submit(1, std::array{guest.Place(Join({}, frame))}, {});
    const Bytes framed = Framed(frame);
    expected.insert(expected.end(), framed.begin(), framed.end());
  }
  Bytes seen;
  EXPECT_TRUE(driver.transport().WaitUntil([&] {
    Bytes piece(10'000);
    const ssize_t got = recv(host.get(), piece.data(), piece.size(), 0);
    if (got > 0) seen.insert(seen.end(), piece.begin(), piece.begin() + got);
    return seen.size() >= expected.size();
  }));
  EXPECT_EQ(seen, expected);
}

}  // namespace
}  // namespace sealvm
