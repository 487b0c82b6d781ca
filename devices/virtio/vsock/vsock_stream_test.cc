// SPDX-License-Identifier: Apache-2.0
// Data: order, credit, and who waits for whom.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>

#include "devices/virtio/vsock/vsock_fixture.h"

namespace sealvm {
namespace {

INSTANTIATE_TEST_SUITE_P(Rings, VsockDeviceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "packed" : "split"; });

constexpr size_t kMuch = 5 << 20;

TEST_P(VsockDeviceTest, DataOfTheHostReachesTheGuest) {
  Boot();
  HostProgram program = ConnectFromHost();
  program.Send("hello");

  const auto data = guest_->Next();

  ASSERT_TRUE(data);
  EXPECT_EQ(data->header.op, VsockOp::kData);
  EXPECT_EQ(data->header.len, 5u);
  EXPECT_EQ(data->header.src_port, host_port_);
  EXPECT_EQ(data->header.dst_port, kGuestPort);
  EXPECT_EQ(data->payload, "hello");
}

TEST_P(VsockDeviceTest, DataBehindTheGreetingReachesTheGuest) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 1234\nat once");
  const auto request = guest_->Next();
  ASSERT_TRUE(request);
  ASSERT_TRUE(guest_->Send(VsockOp::kResponse, request->header.src_port, kGuestPort));

  const auto data = guest_->Next();

  ASSERT_TRUE(data);
  EXPECT_EQ(data->payload, "at once");
}

// A guest that keeps to its credit and hears of more from the device.
TEST_P(VsockDeviceTest, MuchDataOfTheGuestArrivesWhole) {
  Boot();
  HostProgram program = ConnectFromGuest();
  std::string received;
  std::thread reader([&] { received = program.Read(kMuch); });
  constexpr size_t kPiece = 50'000;
  size_t sent = 0;
  uint32_t forwarded = 0;
  while (sent < kMuch) {
    const size_t piece = std::min(kPiece, kMuch - sent);
    while (sent + piece - forwarded > VsockConnection::kBufferBytes) {
      const auto update = guest_->Next();
      ASSERT_TRUE(update);
      ASSERT_EQ(update->header.op, VsockOp::kCreditUpdate);
      forwarded = update->header.fwd_cnt;
    }
    ASSERT_TRUE(guest_->SendData(kHostPort, kGuestPort, Pattern(piece, sent)));
    sent += piece;
  }
  reader.join();

  EXPECT_TRUE(received == Pattern(kMuch));
  EXPECT_EQ(device_->counters().bytes_written, kMuch);
}

TEST_P(VsockDeviceTest, MuchDataOfTheHostArrivesWholeWithinTheCredit) {
  Boot();
  HostProgram program = ConnectFromGuest();
  std::thread writer([&] { program.Send(Pattern(kMuch)); });
  std::string received;
  uint32_t told = 0;
  while (received.size() < kMuch) {
    const auto packet = guest_->Next();
    ASSERT_TRUE(packet);
    if (packet->header.op == VsockOp::kData) {
      received += packet->payload;
      ASSERT_LE(received.size() - told, VsockGuest::kBuffer);
      continue;
    }
    ASSERT_EQ(packet->header.op, VsockOp::kCreditRequest);
    told = static_cast<uint32_t>(received.size());
    VsockHeader update = guest_->Header(VsockOp::kCreditUpdate, kHostPort, kGuestPort);
    update.fwd_cnt = told;
    ASSERT_TRUE(guest_->Send(update));
  }
  writer.join();

  EXPECT_TRUE(received == Pattern(kMuch));
}

TEST_P(VsockDeviceTest, GuestWithoutCreditIsAskedAndThenServed) {
  Boot();
  service_.emplace(path_ + "_" + std::to_string(kHostPort));
  VsockHeader request = guest_->Header(VsockOp::kRequest, kHostPort, kGuestPort);
  request.buf_alloc = 0;
  ASSERT_TRUE(guest_->Send(request));
  ASSERT_EQ(NextOp(), VsockOp::kResponse);
  ASSERT_EQ(NextOp(), VsockOp::kCreditRequest);
  HostProgram program = service_->Accept();
  program.Send("waiting");
  ASSERT_TRUE(IsQuiet());

  ASSERT_TRUE(guest_->Send(VsockOp::kCreditUpdate, kHostPort, kGuestPort));

  const auto data = guest_->Next();
  ASSERT_TRUE(data);
  EXPECT_EQ(data->payload, "waiting");
}

TEST_P(VsockDeviceTest, SlowProgramStopsOnlyItsOwnConnection) {
  Boot();
  HostProgram slow = ConnectFromGuest(1);
  HostProgram quick = ConnectFromGuest(2);
  const size_t sent = FillUp(1);

  EXPECT_TRUE(Works(quick, 2));

  // The rest flows when the program reads.
  EXPECT_EQ(slow.Read(sent).size(), sent);
  EXPECT_TRUE(Works(slow, 1));
}

TEST_P(VsockDeviceTest, GuestThatExceedsItsCreditGetsAReset) {
  Boot();
  HostProgram program = ConnectFromGuest();
  const std::string piece = Pattern(VsockConnection::kBufferBytes);
  bool reset = false;
  for (int i = 0; i < 100 && !reset; ++i) {
    ASSERT_TRUE(guest_->SendData(kHostPort, kGuestPort, piece));
    ASSERT_TRUE(guest_->Send(VsockOp::kCreditRequest, kHostPort, kGuestPort));
    reset = NextOp() == VsockOp::kReset;
  }
  EXPECT_TRUE(reset);
}

TEST_P(VsockDeviceTest, WhatAGuestThatClosedSentIsStillDelivered) {
  Boot();
  HostProgram program = ConnectFromGuest();
  const size_t sent = FillUp(kGuestPort);
  ASSERT_TRUE(
      guest_->Send(VsockOp::kShutdown, kHostPort, kGuestPort, kVsockNoSend | kVsockNoReceive));
  ASSERT_TRUE(IsQuiet());

  EXPECT_EQ(program.Read(sent).size(), sent);
  EXPECT_TRUE(program.AtEnd());
  EXPECT_EQ(NextOp(), VsockOp::kReset);
}

TEST_P(VsockDeviceTest, GuestWithoutReceiveBuffersLeavesDataInTheSocket) {
  Boot({}, 2);
  HostProgram program = ConnectFromGuest();
  guest_->Reset();  // its receive queue is empty now
  HostProgram other = HostProgram::ConnectTo(path_);
  other.Send("CONNECT 1234\n");
  const size_t room = other.SendWithoutWaiting(Pattern(kMuch));

  EXPECT_LT(room, kMuch);
  EXPECT_EQ(other.SendWithoutWaiting("x"), 0u);
  EXPECT_EQ(device_->counters().bytes_read, 0u);
}

TEST_P(VsockDeviceTest, BuffersGivenLateStartTheFlow) {
  Boot({}, 0);
  service_.emplace(path_ + "_" + std::to_string(kHostPort));
  ASSERT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, kGuestPort));
  HostProgram program = service_->Accept();
  program.Send("patience");

  guest_->GiveBuffers(2);

  EXPECT_EQ(NextOp(), VsockOp::kResponse);
  const auto data = guest_->Next();
  ASSERT_TRUE(data);
  EXPECT_EQ(data->payload, "patience");
}

TEST_P(VsockDeviceTest, ConnectionsAreServedInTurn) {
  Boot({}, 2);
  HostProgram first = ConnectFromGuest(1);
  HostProgram second = ConnectFromGuest(2);
  first.SendWithoutWaiting(Pattern(100'000));
  second.Send("me too");

  for (int i = 0;; ++i) {
    ASSERT_LT(i, 20) << "the second connection was not served";
    const auto packet = guest_->Next();
    ASSERT_TRUE(packet);
    if (packet->header.dst_port == 2) break;
  }
}

}  // namespace
}  // namespace sealvm
