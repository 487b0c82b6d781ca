// SPDX-License-Identifier: Apache-2.0
// Connections: how they come, end and are refused.
#include "devices/virtio/vsock/vsock_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <chrono>

#include "devices/virtio/vsock/vsock_fixture.h"

namespace sealvm {
namespace {

using std::chrono::milliseconds;

INSTANTIATE_TEST_SUITE_P(Rings, VsockDeviceTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "packed" : "split"; });

TEST_P(VsockDeviceTest, ProgramReachesTheGuest) {
  Boot();
  HostProgram program = ConnectFromHost();

  EXPECT_GE(host_port_, uint32_t{1} << 30);
  EXPECT_TRUE(Works(program));
}

TEST_P(VsockDeviceTest, RequestToTheGuestTellsWhoAsks) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 77\n");

  const auto request = guest_->Next();

  ASSERT_TRUE(request);
  EXPECT_EQ(request->header, (VsockHeader{.src_cid = kVsockHostCid,
                                          .dst_cid = VsockGuest::kCid,
                                          .src_port = request->header.src_port,
                                          .dst_port = 77,
                                          .op = VsockOp::kRequest,
                                          .buf_alloc = VsockConnection::kBufferBytes}));
}

TEST_P(VsockDeviceTest, RefusedProgramIsDisconnected) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 77\n");
  const auto request = guest_->Next();
  ASSERT_TRUE(request);

  ASSERT_TRUE(guest_->Send(VsockOp::kReset, request->header.src_port, 77));

  EXPECT_TRUE(program.AtEnd());
}

TEST_P(VsockDeviceTest, ProgramsHaveTheirOwnPorts) {
  Boot();
  HostProgram first = ConnectFromHost();
  const uint32_t first_port = host_port_;
  HostProgram second = ConnectFromHost();

  EXPECT_NE(first_port, host_port_);
}

TEST_P(VsockDeviceTest, ProgramThatCameBeforeTheDriverIsServed) {
  auto device = VsockDevice::Create({.guest_cid = VsockGuest::kCid, .socket_path = path_});
  ASSERT_TRUE(device);
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 77\n");

  VsockGuest guest(**device, Options());
  guest.GiveBuffers(4);

  const auto request = guest.Next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.dst_port, 77u);
}

TEST_P(VsockDeviceTest, WrongGreetingIsDisconnected) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("HELLO\n");

  EXPECT_TRUE(program.AtEnd());
  EXPECT_TRUE(IsQuiet());
}

TEST_P(VsockDeviceTest, EndlessGreetingIsDisconnected) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 000000000000000000000000000000");

  EXPECT_TRUE(program.AtEnd());
}

TEST_P(VsockDeviceTest, SilentProgramIsDisconnected) {
  Boot({.greeting = milliseconds(20)});
  HostProgram program = HostProgram::ConnectTo(path_);

  EXPECT_TRUE(program.AtEnd());
}

TEST_P(VsockDeviceTest, GreetingMayComeInPieces) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  for (const char* piece : {"CON", "NECT ", "7", "7", "\n"}) program.Send(piece);

  const auto request = guest_->Next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.dst_port, 77u);
}

TEST_P(VsockDeviceTest, GuestThatDoesNotAnswerIsGivenUp) {
  Boot({.answer = milliseconds(20)});
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 77\n");

  EXPECT_EQ(NextOp(), VsockOp::kRequest);
  EXPECT_EQ(NextOp(), VsockOp::kReset);
  EXPECT_TRUE(program.AtEnd());
}

TEST_P(VsockDeviceTest, ProgramThatLeavesWhileAskingIsForgotten) {
  Boot();
  HostProgram program = HostProgram::ConnectTo(path_);
  program.Send("CONNECT 77\n");
  ASSERT_EQ(NextOp(), VsockOp::kRequest);

  program.Close();

  EXPECT_EQ(NextOp(), VsockOp::kReset);
}

TEST_P(VsockDeviceTest, GuestReachesAProgram) {
  Boot();
  HostProgram program = ConnectFromGuest();

  EXPECT_TRUE(Works(program));
}

TEST_P(VsockDeviceTest, PortWithoutProgramIsRefused) {
  Boot();
  ASSERT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, kGuestPort));

  const auto reset = guest_->Next();

  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->header.op, VsockOp::kReset);
  EXPECT_EQ(reset->header.src_port, kHostPort);
  EXPECT_EQ(reset->header.dst_port, kGuestPort);
}

TEST_P(VsockDeviceTest, SecondRequestEndsTheConnection) {
  Boot();
  HostProgram program = ConnectFromGuest();

  ASSERT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, kGuestPort));

  EXPECT_EQ(NextOp(), VsockOp::kReset);
  EXPECT_TRUE(program.AtEnd());
}

TEST_P(VsockDeviceTest, ResetOfTheGuestEndsTheConnection) {
  Boot();
  HostProgram program = ConnectFromGuest();

  ASSERT_TRUE(guest_->Send(VsockOp::kReset, kHostPort, kGuestPort));

  EXPECT_TRUE(program.AtEnd());
  EXPECT_TRUE(IsQuiet());
}

TEST_P(VsockDeviceTest, GuestThatClosesGetsAReset) {
  Boot();
  HostProgram program = ConnectFromGuest();
  ASSERT_TRUE(guest_->SendData(kHostPort, kGuestPort, "bye"));

  ASSERT_TRUE(
      guest_->Send(VsockOp::kShutdown, kHostPort, kGuestPort, kVsockNoSend | kVsockNoReceive));

  EXPECT_EQ(NextOp(), VsockOp::kReset);
  EXPECT_EQ(program.Read(10), "bye");
}

TEST_P(VsockDeviceTest, GuestMayEndSendingAndStillReceive) {
  Boot();
  HostProgram program = ConnectFromGuest();

  ASSERT_TRUE(guest_->Send(VsockOp::kShutdown, kHostPort, kGuestPort, kVsockNoSend));
  EXPECT_TRUE(program.AtEnd());
  program.Send("still here");

  const auto data = guest_->Next();
  ASSERT_TRUE(data);
  EXPECT_EQ(data->payload, "still here");
}

TEST_P(VsockDeviceTest, ProgramMayEndSendingAndStillReceive) {
  Boot();
  HostProgram program = ConnectFromHost();
  program.EndSending();

  const auto shutdown = guest_->Next();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->header.op, VsockOp::kShutdown);
  EXPECT_EQ(shutdown->header.flags, kVsockNoSend);
  EXPECT_TRUE(Works(program));
}

TEST_P(VsockDeviceTest, GuestThatEndsReceivingRefusesTheProgram) {
  Boot();
  HostProgram program = ConnectFromGuest();

  ASSERT_TRUE(guest_->Send(VsockOp::kShutdown, kHostPort, kGuestPort, kVsockNoReceive));

  EXPECT_TRUE(Works(program));
  EXPECT_FALSE(program.Send("anybody?"));
}

TEST_P(VsockDeviceTest, ProgramThatLeftIsToldAfterItsData) {
  Boot();
  HostProgram program = ConnectFromGuest();
  program.Send("last words");
  program.Close();

  const auto data = guest_->Next();
  ASSERT_TRUE(data);
  EXPECT_EQ(data->payload, "last words");
  ExpectProgramLeft();
  ASSERT_TRUE(guest_->Send(VsockOp::kReset, kHostPort, kGuestPort));
  EXPECT_TRUE(IsQuiet());
}

TEST_P(VsockDeviceTest, ProgramThatLeavesAfterItsEndIsTold) {
  Boot();
  HostProgram program = ConnectFromGuest();
  program.EndSending();
  ASSERT_EQ(NextOp(), VsockOp::kShutdown);
  program.Close();

  const auto shutdown = guest_->Next();
  ASSERT_TRUE(shutdown);
  EXPECT_EQ(shutdown->header.flags, kVsockNoSend | kVsockNoReceive);
}

TEST_P(VsockDeviceTest, GuestThatKeepsAnEndedConnectionGetsAReset) {
  Boot({.goodbye = milliseconds(20)});
  HostProgram program = ConnectFromGuest();
  program.Close();

  ExpectProgramLeft();
  EXPECT_EQ(NextOp(), VsockOp::kReset);
}

TEST_P(VsockDeviceTest, ProgramThatLeavesDataUnreadEndsTheConnection) {
  Boot({.goodbye = milliseconds(20)});
  HostProgram program = ConnectFromGuest();
  ASSERT_TRUE(guest_->SendData(kHostPort, kGuestPort, "unread"));
  program.Close();

  VsockOp last = VsockOp::kInvalid;
  while (last != VsockOp::kReset) {
    last = NextOp();
    ASSERT_NE(last, VsockOp::kInvalid);
  }
}

TEST_P(VsockDeviceTest, ResetOfTheDeviceClosesAllAndItWorksAgain) {
  Boot();
  HostProgram program = ConnectFromGuest();
  HostProgram other = ConnectFromHost();
  HostProgram greeting = HostProgram::ConnectTo(path_);

  guest_->Reset();
  guest_->GiveBuffers(8);

  EXPECT_TRUE(program.AtEnd());
  EXPECT_TRUE(other.AtEnd());
  HostProgram again = ConnectFromHost();
  EXPECT_TRUE(Works(again));
}

TEST_P(VsockDeviceTest, ConnectionsBeyondTheBoundAreRefused) {
  rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 8192);
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < 2048) GTEST_SKIP() << "the limit of open files is too low";
  Boot();
  service_.emplace(path_ + "_" + std::to_string(kHostPort));
  for (uint32_t port = 1; port <= VsockMuxer::kMaxConnections; ++port) {
    ASSERT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, port));
    ASSERT_EQ(NextOp(), VsockOp::kResponse) << port;
  }
  ASSERT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, 5000));
  EXPECT_EQ(NextOp(), VsockOp::kReset);
  HostProgram late = HostProgram::ConnectTo(path_);
  EXPECT_TRUE(late.AtEnd());

  ASSERT_TRUE(guest_->Send(VsockOp::kReset, kHostPort, 1));
  ASSERT_TRUE(guest_->Send(VsockOp::kRequest, kHostPort, 5000));
  EXPECT_EQ(NextOp(), VsockOp::kResponse);
}

TEST(VsockOptionsTest, ConfigTellsTheCid) {
  const TemporaryDirectory directory;
  const auto device =
      VsockDevice::Create({.guest_cid = 0x12345678, .socket_path = directory.path() + "/v"});
  ASSERT_TRUE(device);
  std::array<uint8_t, 12> bytes;
  bytes.fill(0xff);

  (*device)->ReadConfig(0, bytes);
  EXPECT_THAT(bytes, ::testing::ElementsAre(0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0, 0));

  (*device)->ReadConfig(~uint64_t{0}, bytes);
  EXPECT_THAT(bytes, ::testing::Each(0));
}

TEST(VsockOptionsTest, CidOfNoGuestIsTheUsersError) {
  for (const uint32_t cid : {0u, 1u, 2u, 0xffff'ffffu}) {
    const auto device = VsockDevice::Create({.guest_cid = cid, .socket_path = "/nowhere"});

    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().kind, ErrorKind::kInvalidInput);
    EXPECT_THAT(device.error().message, ::testing::HasSubstr("--vsock"));
  }
}

}  // namespace
}  // namespace sealvm
