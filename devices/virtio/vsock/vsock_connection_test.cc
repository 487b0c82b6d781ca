// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/vsock_connection.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

using Verdict = VsockConnection::Verdict;

constexpr uint32_t kCid = 5;
constexpr uint32_t kGuestBuffer = 1000;

VsockHeader FromGuest(VsockOp op) {
  return {.src_cid = kCid,
          .dst_cid = kVsockHostCid,
          .src_port = 70,
          .dst_port = 80,
          .op = op,
          .buf_alloc = kGuestBuffer};
}

VsockHeader Data(uint32_t length) {
  VsockHeader header = FromGuest(VsockOp::kData);
  header.len = length;
  return header;
}

VsockHeader Shutdown(uint32_t flags) {
  VsockHeader header = FromGuest(VsockOp::kShutdown);
  header.flags = flags;
  return header;
}

// Open, with nothing due.
VsockConnection Open() {
  VsockConnection connection = VsockConnection::Accepted(FromGuest(VsockOp::kRequest));
  connection.TakeControl();
  return connection;
}

VsockOp NextOp(VsockConnection& connection) {
  const auto header = connection.TakeControl();
  return header ? header->op : VsockOp::kInvalid;
}

TEST(VsockConnectionTest, AcceptedOneAnswersWithItsAddressesAndCredit) {
  VsockConnection connection = VsockConnection::Accepted(FromGuest(VsockOp::kRequest));

  EXPECT_EQ(connection.TakeControl(), (VsockHeader{.src_cid = kVsockHostCid,
                                                   .dst_cid = kCid,
                                                   .src_port = 80,
                                                   .dst_port = 70,
                                                   .op = VsockOp::kResponse,
                                                   .buf_alloc = VsockConnection::kBufferBytes}));
  EXPECT_FALSE(connection.HasControl());
}

TEST(VsockConnectionTest, RequestedOneIsOpenAfterTheResponse) {
  VsockConnection connection = VsockConnection::Requested({.host = 80, .guest = 70}, kCid);
  EXPECT_EQ(NextOp(connection), VsockOp::kRequest);
  EXPECT_FALSE(connection.open());

  EXPECT_EQ(connection.OnPacket(FromGuest(VsockOp::kResponse)), Verdict::kContinue);

  EXPECT_TRUE(connection.open());
  EXPECT_EQ(connection.credit(), kGuestBuffer);
}

TEST(VsockConnectionTest, ResponseBeforeTheRequestIsWrong) {
  VsockConnection connection = VsockConnection::Requested({.host = 80, .guest = 70}, kCid);

  EXPECT_EQ(connection.OnPacket(FromGuest(VsockOp::kResponse)), Verdict::kReset);
}

TEST(VsockConnectionTest, DataBeforeTheResponseIsWrong) {
  VsockConnection connection = VsockConnection::Requested({.host = 80, .guest = 70}, kCid);
  connection.TakeControl();

  EXPECT_EQ(connection.OnPacket(Data(1)), Verdict::kReset);
}

TEST(VsockConnectionTest, ResetEndsWithoutAnswer) {
  VsockConnection connection = Open();

  EXPECT_EQ(connection.OnPacket(FromGuest(VsockOp::kReset)), Verdict::kGone);
}

TEST(VsockConnectionTest, PacketsThatFitNoOpenConnectionAreWrong) {
  for (const VsockOp op :
       {VsockOp::kInvalid, VsockOp::kRequest, VsockOp::kResponse, VsockOp{8}, VsockOp{0xffff}}) {
    VsockConnection connection = Open();
    EXPECT_EQ(connection.OnPacket(FromGuest(op)), Verdict::kReset) << static_cast<int>(op);
  }
}

TEST(VsockConnectionTest, GuestMayFillTheBufferAndNoMore) {
  VsockConnection connection = Open();

  EXPECT_EQ(connection.OnPacket(Data(VsockConnection::kBufferBytes)), Verdict::kContinue);
  EXPECT_EQ(connection.OnPacket(Data(1)), Verdict::kReset);
}

TEST(VsockConnectionTest, HostileLengthIsWrong) {
  VsockConnection connection = Open();
  ASSERT_EQ(connection.OnPacket(Data(10)), Verdict::kContinue);

  EXPECT_EQ(connection.OnPacket(Data(0xffff'fff8)), Verdict::kReset);
}

TEST(VsockConnectionTest, ForwardedBytesAreRoomAgain) {
  VsockConnection connection = Open();
  ASSERT_EQ(connection.OnPacket(Data(VsockConnection::kBufferBytes)), Verdict::kContinue);
  connection.OnForwarded(VsockConnection::kBufferBytes);

  EXPECT_EQ(connection.OnPacket(Data(VsockConnection::kBufferBytes)), Verdict::kContinue);
}

TEST(VsockConnectionTest, HalfTheBufferForwardedIsTold) {
  VsockConnection connection = Open();
  ASSERT_EQ(connection.OnPacket(Data(VsockConnection::kBufferBytes)), Verdict::kContinue);

  connection.OnForwarded(VsockConnection::kBufferBytes / 2 - 1);
  EXPECT_FALSE(connection.HasControl());
  connection.OnForwarded(1);

  const auto update = connection.TakeControl();
  ASSERT_TRUE(update);
  EXPECT_EQ(update->op, VsockOp::kCreditUpdate);
  EXPECT_EQ(update->fwd_cnt, VsockConnection::kBufferBytes / 2);
  EXPECT_FALSE(connection.HasControl());
}

TEST(VsockConnectionTest, DataTellsCreditToo) {
  VsockConnection connection = Open();
  ASSERT_EQ(connection.OnPacket(Data(VsockConnection::kBufferBytes)), Verdict::kContinue);
  connection.OnForwarded(VsockConnection::kBufferBytes);

  EXPECT_EQ(connection.TakeData(1).fwd_cnt, VsockConnection::kBufferBytes);
  EXPECT_FALSE(connection.HasControl());
}

TEST(VsockConnectionTest, CreditRequestIsAnswered) {
  VsockConnection connection = Open();

  EXPECT_EQ(connection.OnPacket(FromGuest(VsockOp::kCreditRequest)), Verdict::kContinue);
  EXPECT_EQ(NextOp(connection), VsockOp::kCreditUpdate);
}

TEST(VsockConnectionTest, SentDataUsesCreditUp) {
  VsockConnection connection = Open();
  connection.TakeData(kGuestBuffer - 1);

  EXPECT_EQ(connection.credit(), 1u);
  EXPECT_FALSE(connection.HasControl());
}

TEST(VsockConnectionTest, LostCreditIsAskedForOnce) {
  VsockConnection connection = Open();
  connection.TakeData(kGuestBuffer);

  EXPECT_FALSE(connection.WantsHostData());
  EXPECT_EQ(NextOp(connection), VsockOp::kCreditRequest);
  EXPECT_FALSE(connection.HasControl());
}

TEST(VsockConnectionTest, CreditUpdateGivesCredit) {
  VsockConnection connection = Open();
  connection.TakeData(kGuestBuffer);
  VsockHeader update = FromGuest(VsockOp::kCreditUpdate);
  update.fwd_cnt = 600;

  EXPECT_EQ(connection.OnPacket(update), Verdict::kContinue);
  EXPECT_EQ(connection.credit(), 600u);
}

TEST(VsockConnectionTest, CreditCountsWrap) {
  VsockConnection connection = Open();
  VsockHeader update = FromGuest(VsockOp::kCreditUpdate);
  for (int i = 0; i < 5; ++i) {
    update.buf_alloc = 0x7fff'ffff;
    ASSERT_EQ(connection.OnPacket(update), Verdict::kContinue);
    ASSERT_EQ(connection.credit(), 0x7fff'ffffu);
    connection.TakeData(0x4000'0000);
    update.fwd_cnt += 0x4000'0000;
  }
}

TEST(VsockConnectionTest, MoreForwardedThanSentGivesNoCredit) {
  VsockConnection connection = Open();
  VsockHeader update = FromGuest(VsockOp::kCreditUpdate);
  update.fwd_cnt = 1;
  connection.OnPacket(update);

  EXPECT_EQ(connection.credit(), 0u);
}

TEST(VsockConnectionTest, DataAfterItsEndIsWrong) {
  VsockConnection connection = Open();
  ASSERT_EQ(connection.OnPacket(Shutdown(kVsockNoSend)), Verdict::kContinue);

  EXPECT_EQ(connection.OnPacket(Data(1)), Verdict::kReset);
}

TEST(VsockConnectionTest, GuestThatDoesNotReceiveGetsNothing) {
  VsockConnection connection = Open();
  ASSERT_EQ(connection.OnPacket(Shutdown(kVsockNoReceive)), Verdict::kContinue);

  EXPECT_FALSE(connection.WantsHostData());
  EXPECT_EQ(connection.OnPacket(Data(1)), Verdict::kContinue);
}

TEST(VsockConnectionTest, FinishedWhenBothEndedAndAllIsForwarded) {
  VsockConnection connection = Open();
  connection.OnPacket(Data(10));
  connection.OnPacket(Shutdown(kVsockNoSend));
  connection.OnPacket(Shutdown(kVsockNoReceive));
  EXPECT_FALSE(connection.finished());

  connection.OnForwarded(10);

  EXPECT_TRUE(connection.finished());
}

TEST(VsockConnectionTest, EndOfTheHostIsToldOnce) {
  VsockConnection connection = Open();
  connection.OnHostEnd();
  connection.OnHostEnd();

  const auto shutdown = connection.TakeControl();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->op, VsockOp::kShutdown);
  EXPECT_EQ(shutdown->flags, kVsockNoSend);
  EXPECT_FALSE(connection.HasControl());
  EXPECT_FALSE(connection.host_gone());
}

TEST(VsockConnectionTest, HostThatLeftIsToldWithBothFlags) {
  VsockConnection connection = Open();
  connection.OnHostEnd();
  connection.OnHostDeaf();

  EXPECT_EQ(connection.TakeControl()->flags, kVsockNoSend | kVsockNoReceive);
  EXPECT_TRUE(connection.host_gone());
}

TEST(VsockConnectionTest, WhatADeafHostDidNotTakeIsForgotten) {
  VsockConnection connection = Open();
  connection.OnPacket(Data(10));
  connection.OnHostDeaf();

  EXPECT_EQ(connection.kept(), 0u);
}

}  // namespace
}  // namespace sealvm
