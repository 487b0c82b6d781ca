// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/vsock/unix_socket.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "devices/virtio/vsock/vsock_testing.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

class UnixListenerTest : public ::testing::Test {
 protected:
  bool Exists() const { return std::filesystem::exists(path_); }

  TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/v.sock";
};

TEST_F(UnixListenerTest, AcceptsConnections) {
  auto listener = UnixListener::Create(path_);
  ASSERT_TRUE(listener) << listener.error().ToString();
  const auto client = ConnectUnix(path_);
  ASSERT_TRUE(client);

  EXPECT_TRUE(listener->Accept());
  EXPECT_EQ(listener->Accept().error().os_error, EAGAIN);
}

TEST_F(UnixListenerTest, OnlyTheOwnerMayConnect) {
  const auto listener = UnixListener::Create(path_);
  struct stat status = {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);

  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(UnixListenerTest, RemovesItsFile) {
  {
    const auto listener = UnixListener::Create(path_);
    ASSERT_TRUE(Exists());
  }
  EXPECT_FALSE(Exists());
}

TEST_F(UnixListenerTest, LeavesAFileThatIsNotItsOwn) {
  {
    const auto listener = UnixListener::Create(path_);
    std::filesystem::remove(path_);
    std::ofstream(path_) << "other";
  }
  EXPECT_TRUE(Exists());
}

TEST_F(UnixListenerTest, ReplacesTheSocketOfADeadProcess) {
  {
    const auto listener = UnixListener::Create(path_);
    std::filesystem::create_hard_link(path_, path_ + ".kept");
  }
  std::filesystem::rename(path_ + ".kept", path_);

  const auto listener = UnixListener::Create(path_);

  EXPECT_TRUE(listener);
  EXPECT_TRUE(ConnectUnix(path_));
}

TEST_F(UnixListenerTest, SocketInUseIsTheUsersError) {
  const auto first = UnixListener::Create(path_);

  const auto second = UnixListener::Create(path_);

  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(second.error().message, HasSubstr("--vsock"));
  EXPECT_THAT(second.error().message, HasSubstr(path_));
  EXPECT_TRUE(ConnectUnix(path_));
}

TEST_F(UnixListenerTest, OtherFileIsLeftAlone) {
  std::ofstream(path_) << "precious";

  const auto listener = UnixListener::Create(path_);

  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(UnixListenerTest, MissingDirectoryIsTheUsersError) {
  const auto listener = UnixListener::Create(directory_.path() + "/missing/v.sock");

  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind, ErrorKind::kInvalidInput);
}

TEST_F(UnixListenerTest, LongestPathLeavesRoomForAPort) {
  const std::string path =
      directory_.path() + "/" +
      std::string(UnixListener::kMaxPathBytes - directory_.path().size() - 1, 'x');
  const auto listener = UnixListener::Create(path);
  ASSERT_TRUE(listener);

  EXPECT_EQ(ConnectUnix(path + "_4294967295").error().os_error, ENOENT);
}

TEST_F(UnixListenerTest, TooLongPathIsTheUsersError) {
  const auto listener = UnixListener::Create(std::string(UnixListener::kMaxPathBytes + 1, 'x'));

  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(listener.error().message, HasSubstr("97 bytes"));
}

TEST_F(UnixListenerTest, EmptyPathIsTheUsersError) {
  const auto listener = UnixListener::Create("");

  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().kind, ErrorKind::kInvalidInput);
}

TEST_F(UnixListenerTest, NobodyListensAtAMissingPath) {
  EXPECT_EQ(ConnectUnix(path_).error().os_error, ENOENT);
}

}  // namespace
}  // namespace sealvm
