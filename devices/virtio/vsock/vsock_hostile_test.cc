// SPDX-License-Identifier: Apache-2.0
// Guests that break the rules: they stop themselves at most.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "devices/virtio/vsock/vsock_fixture.h"

namespace sealvm {
namespace {

INSTANTIATE_TEST_SUITE_P(Rings, VsockDeviceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "packed" : "split"; });

TEST_P(VsockDeviceTest, PacketWithAForeignSourceIsDropped) {
  Boot();
  HostProgram program = ConnectFromGuest();
  VsockHeader header = guest_->Header(VsockOp::kReset, kHostPort, kGuestPort);
  header.src_cid = VsockGuest::kCid + 1;
  ASSERT_TRUE(guest_->Send(header));
  header.src_cid |= uint64_t{1} << 32;
  ASSERT_TRUE(guest_->Send(header));

  EXPECT_TRUE(IsQuiet());
  EXPECT_TRUE(Works(program));
}

TEST_P(VsockDeviceTest, PacketToAnotherCidIsRefused) {
  Boot();
  VsockHeader header = guest_->Header(VsockOp::kRequest, kHostPort, kGuestPort);
  header.dst_cid = 9;
  ASSERT_TRUE(guest_->Send(header));

  const auto reset = guest_->Next();
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->header, VsockResetFor(header));
}

TEST_P(VsockDeviceTest, PacketOfAnotherTypeIsRefused) {
  Boot();
  VsockHeader header = guest_->Header(VsockOp::kRequest, kHostPort, kGuestPort);
  header.type = 2;
  ASSERT_TRUE(guest_->Send(header));

  const auto reset = guest_->Next();
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->header, VsockResetFor(header));
}

TEST_P(VsockDeviceTest, PacketOfNoConnectionIsRefused) {
  Boot();
  for (const VsockOp op : {VsockOp::kInvalid, VsockOp::kResponse, VsockOp::kShutdown,
                           VsockOp::kData, VsockOp::kCreditUpdate, VsockOp{77}}) {
    ASSERT_TRUE(guest_->Send(op, kHostPort, kGuestPort));
    EXPECT_EQ(NextOp(), VsockOp::kReset) << static_cast<int>(op);
  }
}

TEST_P(VsockDeviceTest, ResetOfNoConnectionIsNotAnswered) {
  Boot();
  ASSERT_TRUE(guest_->Send(VsockOp::kReset, kHostPort, kGuestPort));
  VsockHeader foreign = guest_->Header(VsockOp::kReset, kHostPort, kGuestPort);
  foreign.dst_cid = 9;
  ASSERT_TRUE(guest_->Send(foreign));

  EXPECT_TRUE(IsQuiet());
}

TEST_P(VsockDeviceTest, UnknownOperationEndsTheConnection) {
  Boot();
  HostProgram program = ConnectFromGuest();
  ASSERT_TRUE(guest_->Send(VsockOp{77}, kHostPort, kGuestPort));

  EXPECT_EQ(NextOp(), VsockOp::kReset);
  EXPECT_TRUE(program.AtEnd());
}

TEST_P(VsockDeviceTest, LengthBeyondThePayloadEndsTheConnection) {
  Boot();
  for (const uint32_t length : {4u, 0x7fff'ffffu, 0xffff'ffffu}) {
    HostProgram program = ConnectFromGuest();
    VsockHeader header = guest_->Header(VsockOp::kData, kHostPort, kGuestPort);
    header.len = length;
    ASSERT_TRUE(guest_->Send(header, "abc"));

    EXPECT_EQ(NextOp(), VsockOp::kReset) << length;
    EXPECT_TRUE(program.AtEnd());
  }
}

TEST_P(VsockDeviceTest, PayloadBeyondTheLengthIsIgnored) {
  Boot();
  HostProgram program = ConnectFromGuest();
  VsockHeader header = guest_->Header(VsockOp::kData, kHostPort, kGuestPort);
  header.len = 2;
  ASSERT_TRUE(guest_->Send(header, "abc"));
  ASSERT_TRUE(guest_->SendData(kHostPort, kGuestPort, "d"));

  EXPECT_EQ(program.Read(3), "abd");
}

TEST_P(VsockDeviceTest, PacketShorterThanItsHeaderIsDropped) {
  Boot();
  const GuestBuffer buffer = guest_->memory().Room(kVsockHeaderBytes - 1);
  EXPECT_EQ(guest_->driver().Transact(1, {&buffer, 1}, {}), 0u);
  EXPECT_EQ(guest_->driver().Transact(1, {}, {&buffer, 1}), 0u);

  EXPECT_EQ(device_->counters().errors, 2u);
  EXPECT_TRUE(IsQuiet());
}

TEST_P(VsockDeviceTest, HeaderMayLieInManyPieces) {
  Boot();
  const VsockHeader request = guest_->Header(VsockOp::kRequest, kHostPort, kGuestPort);
  const VsockHeaderBytes bytes = EncodeVsockHeader(request);
  std::vector<GuestBuffer> pieces;
  for (const uint8_t& byte : bytes) pieces.push_back(guest_->memory().Place({&byte, 1}));

  EXPECT_EQ(guest_->driver().Transact(1, pieces, {}), 0u);
  EXPECT_EQ(NextOp(), VsockOp::kReset);
}

TEST_P(VsockDeviceTest, PayloadOutsideOfMemoryStopsTheDevice) {
  Boot();
  HostProgram program = ConnectFromGuest();
  VsockHeader header = guest_->Header(VsockOp::kData, kHostPort, kGuestPort);
  header.len = 100;
  const std::array<GuestBuffer, 2> buffers = {guest_->memory().Place(EncodeVsockHeader(header)),
                                              GuestBuffer{uint64_t{1} << 50, 100}};
  guest_->driver().Submit(1, buffers, {});

  RecordingTransport& transport = guest_->driver().transport();
  EXPECT_TRUE(transport.WaitUntil([&] { return transport.failure().has_value(); }));
  EXPECT_EQ(device_->counters().refused_ranges, 1u);
}

TEST_P(VsockDeviceTest, UselessReceiveBuffersComeBackEmpty) {
  Boot({}, 0);
  const GuestBuffer small = guest_->memory().Room(kVsockHeaderBytes);
  guest_->driver().Submit(0, {}, {&small, 1});
  guest_->driver().Submit(0, {}, {&small, 1});
  ASSERT_TRUE(guest_->Send(VsockOp::kData, 1, 1));
  ASSERT_TRUE(guest_->Send(VsockOp::kData, 2, 2));

  for (int i = 0; i < 2; ++i) {
    const auto used = guest_->driver().Wait(0);
    ASSERT_TRUE(used);
    EXPECT_EQ(used->written, 0u);
  }
}

TEST_P(VsockDeviceTest, FloodWithoutReceiveBuffersWaitsInTheRing) {
  constexpr int kPackets = 120;
  Boot({}, 0);
  // Together more than the device keeps answers for.
  int taken = 0;
  const VsockHeader packet = guest_->Header(VsockOp::kData, 1, 1);
  for (int i = 0; i < kPackets; ++i) guest_->Submit(packet);
  for (; taken < kPackets; ++taken) ASSERT_TRUE(guest_->driver().Wait(1));
  for (int i = 0; i < kPackets; ++i) guest_->Submit(packet);

  // Its answers make room for all of them.
  guest_->GiveBuffers(16);
  for (int i = 0; i < 2 * kPackets; ++i) ASSERT_EQ(NextOp(), VsockOp::kReset) << i;
  for (; taken < 2 * kPackets; ++taken) ASSERT_TRUE(guest_->driver().Wait(1));
  EXPECT_EQ(device_->counters().requests, uint64_t{2} * 2 * kPackets);
}

TEST_P(VsockDeviceTest, BuffersForEventsAreKept) {
  Boot();
  const GuestBuffer buffer = guest_->memory().Room(8);
  guest_->driver().Submit(2, {}, {&buffer, 1});

  EXPECT_TRUE(IsQuiet());
  EXPECT_FALSE(guest_->driver().queue(2).TakeUsed());
}

}  // namespace
}  // namespace sealvm
