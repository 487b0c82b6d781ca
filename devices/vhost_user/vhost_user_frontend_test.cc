// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/vhost_user_frontend.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

using testing::HasSubstr;
using vhost_user::Header;
using vhost_user::Request;

constexpr uint32_t kAnswerFlags = vhost_user::kVersion | vhost_user::kFlagReply;

// The other side of the socket writes its answers before it is asked.
class VhostUserFrontendTest : public testing::Test {
 protected:
  VhostUserFrontendTest() : frontend_(MakeSockets(peer_), std::chrono::milliseconds(100)) {}

  static vhost_user::MessageSocket MakeSockets(Fd& peer) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    peer.Reset(fds[1]);
    return vhost_user::MessageSocket(Fd(fds[0]));
  }

  template <typename T>
  void Write(const T& value) {
    ASSERT_EQ(send(peer_.get(), &value, sizeof(value), 0), ssize_t{sizeof(value)});
  }
  template <typename T>
  void WriteAnswer(Request request, const T& payload) {
    Write(Header{static_cast<uint32_t>(request), kAnswerFlags, sizeof(payload)});
    Write(payload);
  }
  template <typename T>
  T Read() {
    T value = {};
    EXPECT_EQ(recv(peer_.get(), &value, sizeof(value), MSG_DONTWAIT), ssize_t{sizeof(value)});
    return value;
  }
  // Of a request for the features, which the answer must let fail and end the connection.
  std::string FailureOfGetFeatures() {
    const Result<uint64_t> features = frontend_.GetFeatures();
    if (features) return "no failure";
    EXPECT_FALSE(frontend_.Usable());
    EXPECT_FALSE(frontend_.GetFeatures().has_value());
    return features.error().message;
  }
  void NegotiateReplyAck() {
    ASSERT_TRUE(frontend_.SetProtocolFeatures(vhost_user::kProtocolReplyAck).has_value());
    Read<Header>();
    Read<uint64_t>();
  }

  Fd peer_;
  VhostUserFrontend frontend_;
};

TEST_F(VhostUserFrontendTest, AsksAndTakesTheAnswer) {
  WriteAnswer(Request::kGetFeatures, uint64_t{0x1234});
  EXPECT_EQ(frontend_.GetFeatures().value_or(0), 0x1234u);
  const auto header = Read<Header>();
  EXPECT_EQ(header.request, 1u);
  EXPECT_EQ(header.flags, vhost_user::kVersion);
  EXPECT_EQ(header.size, 0u);
}

TEST_F(VhostUserFrontendTest, DoesNotWaitForWhatIsNotAnswered) {
  ASSERT_TRUE(frontend_.SetFeatures(7).has_value());
  EXPECT_EQ(Read<Header>().flags, vhost_user::kVersion);
  EXPECT_EQ(Read<uint64_t>(), 7u);
}

TEST_F(VhostUserFrontendTest, WithReplyAckAsksForJudgement) {
  NegotiateReplyAck();
  WriteAnswer(Request::kSetOwner, uint64_t{0});
  ASSERT_TRUE(frontend_.SetOwner().has_value());
  EXPECT_EQ(Read<Header>().flags, vhost_user::kVersion | vhost_user::kFlagNeedReply);
}

TEST_F(VhostUserFrontendTest, RefusalIsAnErrorOfTheRequestAlone) {
  NegotiateReplyAck();
  WriteAnswer(Request::kSetOwner, uint64_t{1});
  EXPECT_FALSE(frontend_.SetOwner().has_value());
  EXPECT_TRUE(frontend_.Usable());
}

TEST_F(VhostUserFrontendTest, MemoryTableCarriesADescriptorForEachRegion) {
  const vhost_user::MemoryRegion regions[] = {{0, 4096, 0, 0}, {8192, 4096, 8192, 4096}};
  const int fd = peer_.get();
  ASSERT_TRUE(frontend_.SetMemTable(regions, std::vector<int>{fd, fd}).has_value());

  // The header, a count with padding, the regions.
  constexpr size_t kRegionsAt = sizeof(Header) + 8;
  std::vector<uint8_t> message(kRegionsAt + sizeof(regions));
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(8 * sizeof(int))];
  iovec vector = {message.data(), message.size()};
  msghdr header = {};
  header.msg_iov = &vector;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof(control);
  ASSERT_EQ(recvmsg(peer_.get(), &header, MSG_DONTWAIT), static_cast<ssize_t>(message.size()));
  EXPECT_EQ(LoadLe<uint32_t>(message, sizeof(Header)), 2u);
  EXPECT_EQ(memcmp(message.data() + kRegionsAt, regions, sizeof(regions)), 0);
  const cmsghdr* part = CMSG_FIRSTHDR(&header);
  ASSERT_NE(part, nullptr);
  ASSERT_EQ(part->cmsg_len, CMSG_LEN(2 * sizeof(int)));
  for (size_t i = 0; i < 2; ++i) {
    int received = -1;
    memcpy(&received, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
    const Fd closed(received);
    EXPECT_GE(fcntl(received, F_GETFD), 0);
  }
}

TEST_F(VhostUserFrontendTest, HugeAnswerIsRefused) {
  Write(Header{static_cast<uint32_t>(Request::kGetFeatures), kAnswerFlags, UINT32_MAX});
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("an answer of 4294967295 bytes"));
}

TEST_F(VhostUserFrontendTest, ShortAnswerIsRefused) {
  WriteAnswer(Request::kGetFeatures, uint32_t{0});
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("an answer of 4 bytes instead of 8"));
}

TEST_F(VhostUserFrontendTest, AnswerToAnotherRequestIsRefused) {
  WriteAnswer(Request::kGetQueueNum, uint64_t{0});
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("it answers request 17"));
}

TEST_F(VhostUserFrontendTest, RequestInsteadOfAnAnswerIsRefused) {
  Write(Header{static_cast<uint32_t>(Request::kGetFeatures), vhost_user::kVersion, 8});
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("flags 0x1 are no answer's"));
}

TEST_F(VhostUserFrontendTest, AnotherVersionIsRefused) {
  Write(Header{static_cast<uint32_t>(Request::kGetFeatures), vhost_user::kFlagReply | 2, 8});
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("flags 0x6"));
}

TEST_F(VhostUserFrontendTest, SilenceEndsInTime) {
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("does not answer in time"));
}

TEST_F(VhostUserFrontendTest, HalfAnAnswerEndsInTime) {
  Write(uint64_t{static_cast<uint32_t>(Request::kGetFeatures)});
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("does not answer in time"));
}

TEST_F(VhostUserFrontendTest, PeerThatDoesNotReadEndsInTime) {
  Result<> sent;
  while (sent) sent = frontend_.SetFeatures(0);
  EXPECT_THAT(sent.error().message, HasSubstr("does not answer in time"));
}

TEST_F(VhostUserFrontendTest, ClosedConnectionIsAnError) {
  shutdown(peer_.get(), SHUT_WR);
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("closed the connection"));
}

TEST_F(VhostUserFrontendTest, PeerThatIsGoneDoesNotRaiseSigpipe) {
  peer_.Reset();
  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("sendmsg"));
}

TEST_F(VhostUserFrontendTest, DescriptorsOfThePeerAreClosedAndAnError) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
  const Fd read_end(fds[0]);
  Fd write_end(fds[1]);
  const uint8_t byte[] = {1};
  vhost_user::MessageSocket peer(Fd(dup(peer_.get())));
  ASSERT_TRUE(peer.Send(byte, {&fds[1], 1}, std::chrono::steady_clock::time_point::max()));
  write_end.Reset();

  EXPECT_THAT(FailureOfGetFeatures(), HasSubstr("descriptors that nobody asked for"));

  // The end of the file: no descriptor of the other end is open.
  char end = 0;
  EXPECT_EQ(read(read_end.get(), &end, 1), 0);
}

TEST_F(VhostUserFrontendTest, BaseOfAnotherRingIsRefused) {
  WriteAnswer(Request::kGetVringBase, vhost_user::VringState{2, 5});
  EXPECT_FALSE(frontend_.GetVringBase(1).has_value());
  EXPECT_FALSE(frontend_.Usable());
}

TEST_F(VhostUserFrontendTest, WhatNobodyAskedForMakesItUnusable) {
  EXPECT_TRUE(frontend_.Usable());
  Write(uint8_t{0});
  EXPECT_FALSE(frontend_.Usable());
}

}  // namespace
}  // namespace sealvm
