// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/console.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

using ::testing::HasSubstr;

class ConsoleTest : public ::testing::Test {
 protected:
  ConsoleTest() { EXPECT_NE(mkdtemp(directory_), nullptr); }
  ~ConsoleTest() override { std::filesystem::remove_all(directory_); }

  std::string Path(const std::string& name) const { return std::string(directory_) + "/" + name; }
  std::unique_ptr<Console> OpenSocket() {
    Result<std::unique_ptr<Console>> console = OpenConsole({ConsoleKind::kSocket, Path("s")});
    EXPECT_TRUE(console) << console.error().ToString();
    return std::move(*console);
  }
  Fd Connect() const {
    Fd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, Path("s").c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return client;
  }

 private:
  char directory_[32] = "/tmp/sealvm-console-XXXXXX";
};

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string ReadFrom(Console& console) {
  std::array<uint8_t, 64> buffer;
  const size_t count = console.Read(buffer);
  return {buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(count)};
}

TEST_F(ConsoleTest, OffSwallowsEverything) {
  const auto console = OpenConsole({ConsoleKind::kOff, ""});
  ASSERT_TRUE(console);
  EXPECT_TRUE((*console)->Write(Bytes("x")));
  EXPECT_EQ((*console)->Watch(true).fd, -1);
}

TEST_F(ConsoleTest, FileTakesOutput) {
  {
    const auto console = OpenConsole({ConsoleKind::kFile, Path("f")});
    ASSERT_TRUE(console);
    EXPECT_TRUE((*console)->Write(Bytes("one\n")));
    EXPECT_TRUE((*console)->Write(Bytes("two\n")));
    EXPECT_EQ((*console)->Watch(true).fd, -1);
  }
  std::ifstream file(Path("f"));
  std::string first, second;
  file >> first >> second;
  EXPECT_EQ(first + second, "onetwo");
}

TEST_F(ConsoleTest, FifoWithoutReaderIsAnErrorAndNoHang) {
  ASSERT_EQ(mkfifo(Path("fifo").c_str(), 0600), 0);
  const auto console = OpenConsole({ConsoleKind::kFile, Path("fifo")});
  ASSERT_FALSE(console);
  EXPECT_EQ(console.error().kind, ErrorKind::kInvalidInput);
  EXPECT_THAT(console.error().ToString(), HasSubstr("nobody reads it"));
}

TEST_F(ConsoleTest, SocketWithoutClientDropsOutput) {
  const auto console = OpenSocket();
  EXPECT_TRUE(console->Write(Bytes("lost")));
  EXPECT_GE(console->Watch(false).fd, 0);
}

TEST_F(ConsoleTest, SocketCarriesBothWays) {
  const auto console = OpenSocket();
  const Fd client = Connect();
  EXPECT_EQ(ReadFrom(*console), "");  // accepts
  ASSERT_EQ(write(client.get(), "in", 2), 2);
  EXPECT_EQ(ReadFrom(*console), "in");
  EXPECT_TRUE(console->Write(Bytes("out")));
  char buffer[8];
  EXPECT_EQ(read(client.get(), buffer, sizeof(buffer)), 3);
}

TEST_F(ConsoleTest, SocketServesTheNextClient) {
  const auto console = OpenSocket();
  Connect();
  EXPECT_EQ(ReadFrom(*console), "");  // accepts
  EXPECT_EQ(ReadFrom(*console), "");  // sees the hang-up
  EXPECT_TRUE(console->Write(Bytes("lost")));
  const Fd second = Connect();
  EXPECT_EQ(ReadFrom(*console), "");
  ASSERT_EQ(write(second.get(), "2", 1), 1);
  EXPECT_EQ(ReadFrom(*console), "2");
}

TEST_F(ConsoleTest, SocketClientThatEndedItsSendingStillListens) {
  const auto console = OpenSocket();
  const Fd client = Connect();
  EXPECT_EQ(ReadFrom(*console), "");
  ASSERT_EQ(shutdown(client.get(), SHUT_WR), 0);
  EXPECT_EQ(ReadFrom(*console), "");
  EXPECT_EQ(console->Watch(true).events, 0);
  EXPECT_TRUE(console->Write(Bytes("out")));
  char buffer[8];
  EXPECT_EQ(read(client.get(), buffer, sizeof(buffer)), 3);
}

TEST_F(ConsoleTest, AbandonFreesAWriterFromASilentClient) {
  const auto console = OpenSocket();
  const Fd client = Connect();
  EXPECT_EQ(ReadFrom(*console), "");
  std::thread writer([&] { EXPECT_TRUE(console->Write(std::vector<uint8_t>(4'000'000, 'x'))); });
  console->Abandon();
  writer.join();
}

TEST_F(ConsoleTest, SocketPathGoesWithTheConsole) {
  { const auto console = OpenSocket(); }
  EXPECT_FALSE(std::filesystem::exists(Path("s")));
}

TEST_F(ConsoleTest, PathThatAnotherTookOverIsLeftAlone) {
  {
    const auto console = OpenSocket();
    unlink(Path("s").c_str());
    std::ofstream(Path("s")) << "precious";
  }
  EXPECT_TRUE(std::filesystem::exists(Path("s")));
}

TEST_F(ConsoleTest, PtyCarriesBothWays) {
  testing::internal::CaptureStderr();
  const auto console = OpenConsole({ConsoleKind::kPty, ""});
  const std::string announced = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(console) << console.error().ToString();
  const size_t at = announced.find("/dev/pts/");
  ASSERT_NE(at, announced.npos) << announced;
  const std::string name = announced.substr(at, announced.find('\n', at) - at);
  const Fd user(open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(user.valid());
  EXPECT_TRUE((*console)->Write(Bytes("out\r")));
  char buffer[8];
  EXPECT_EQ(read(user.get(), buffer, sizeof(buffer)), 4);
  ASSERT_EQ(write(user.get(), "\x03in", 3), 3);
  EXPECT_EQ(ReadFrom(**console), "\x03in");
}

TEST_F(ConsoleTest, PtyThatNobodyReadsDoesNotBlock) {
  testing::internal::CaptureStderr();
  const auto console = OpenConsole({ConsoleKind::kPty, ""});
  testing::internal::GetCapturedStderr();
  ASSERT_TRUE(console);
  EXPECT_TRUE((*console)->Write(std::vector<uint8_t>(100'000, 'x')));
}

}  // namespace
}  // namespace sealvm
