// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/passt_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "devices/virtio/net/net_testing.h"
#include "devices/virtio/net/passt_peer.h"

namespace sealvm {
namespace {

// Stand-ins for passt: shell scripts whose descriptor 3 is the connection.
class PasstProcessTest : public testing::Test {
 protected:
  PasstProcessTest() {
    directory = testing::TempDir() + "passt_XXXXXX";
    if (mkdtemp(directory.data()) == nullptr) abort();
  }
  ~PasstProcessTest() override { std::filesystem::remove_all(directory); }

  PasstOptions Script(const std::string& body) {
    PasstOptions options;
    options.program = directory + "/passt";
    std::ofstream(options.program) << "#!/bin/sh\n" << body << "\n";
    chmod(options.program.c_str(), 0755);
    return options;
  }
  std::string ReadFile(const std::string& name) {
    std::ifstream file(directory + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string directory;
};

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(PasstProcessTest, AbsentProgramNamesThePackage) {
  PasstOptions options;
  options.program = directory + "/nothing";
  const auto process = PasstProcess::Start(options);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, ErrorKind::kInvalidInput);
  EXPECT_TRUE(Contains(process.error().message, "--net user")) << process.error().message;
  EXPECT_TRUE(Contains(process.error().hint, "install passt")) << process.error().hint;
}

TEST_F(PasstProcessTest, ProgramThatMayNotRunIsTheUsersMistake) {
  PasstOptions options = Script("");
  chmod(options.program.c_str(), 0644);
  const auto process = PasstProcess::Start(options);
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, ErrorKind::kInvalidInput);
}

TEST_F(PasstProcessTest, DeathAtStartIsExplainedByItsLastLine) {
  const auto process =
      PasstProcess::Start(Script("echo first >&2; echo 'cannot bind port 80' >&2; "
                                 "echo 'Failed to send 5 bytes to syslog' >&2; exit 3"));
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().kind, ErrorKind::kInvalidInput);
  EXPECT_TRUE(Contains(process.error().message, "cannot bind port 80, exit code 3"))
      << process.error().message;
}

TEST_F(PasstProcessTest, SilentDeathAtStartHasAnExitCode) {
  const auto process = PasstProcess::Start(Script("kill -9 $$"));
  ASSERT_FALSE(process);
  EXPECT_TRUE(Contains(process.error().message, "signal 9")) << process.error().message;
}

TEST_F(PasstProcessTest, PatienceEnds) {
  PasstOptions options = Script("exec sleep 1000");
  options.patience = std::chrono::milliseconds(50);
  const auto process = PasstProcess::Start(options);
  ASSERT_FALSE(process);
  EXPECT_TRUE(Contains(process.error().message, "does not start")) << process.error().message;
}

TEST_F(PasstProcessTest, ItHasTheConnectionAndNothingElse) {
  // A descriptor that does not close by itself.
  const Fd stray(dup(STDERR_FILENO));
  ASSERT_TRUE(stray.valid());
  auto process = PasstProcess::Start(
      Script("ls /proc/$$/fd > " + directory + "/fds; echo $$; exec cat <&3 >&3"));
  ASSERT_TRUE(process) << process.error().message;
  // The shell holds its script at 10 or above.
  std::istringstream fds(ReadFile("fds"));
  int number = 0;
  int below_ten = 0;
  while (fds >> number) below_ten += number < 10 ? 1 : 0;
  EXPECT_EQ(below_ten, 4) << ReadFile("fds");
  const Fd socket = process->TakeSocket();
  ASSERT_EQ(send(socket.get(), "x", 1, 0), 1);
  char echo = 0;
  while (recv(socket.get(), &echo, 1, 0) < 0 && errno == EAGAIN) {
  }
  EXPECT_EQ(echo, 'x');
}

TEST_F(PasstProcessTest, SignalsAreAsAtTheStartOfAProgram) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  // By the shell alone, which blocks signals while it starts others.
  const auto process = PasstProcess::Start(
      Script("while read name value; do [ $name != SigBlk: ] || echo $value > " + directory +
             "/signals; done < /proc/$$/status; echo"));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ASSERT_TRUE(process) << process.error().message;
  EXPECT_TRUE(Contains(ReadFile("signals"), "0000000000000000")) << ReadFile("signals");
}

TEST_F(PasstProcessTest, EndsWithItsOwner) {
  pid_t pid = -1;
  {
    const auto process = PasstProcess::Start(Script("echo; exec sleep 1000"));
    ASSERT_TRUE(process) << process.error().message;
    pid = process->pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST_F(PasstProcessTest, WhatItSaysLaterIsItsLastWord) {
  auto process = PasstProcess::Start(Script("echo; echo 'out of sockets' >&2; read x <&3"));
  ASSERT_TRUE(process) << process.error().message;
  Fd socket = process->TakeSocket();
  shutdown(socket.get(), SHUT_RDWR);
  for (int i = 0; i < 2000 && !Contains(process->LastWords(), "exit code"); ++i) usleep(10'000);
  EXPECT_EQ(process->LastWords(), "out of sockets, exit code 1");
}

TEST_F(PasstProcessTest, OutputThatNobodyReadsStopsNothing) {
  auto process = PasstProcess::Start(
      Script("echo; i=0; while [ $i -lt 20000 ]; do echo 0123456789 >&2; i=$((i+1)); done "
             "2>/dev/null; head -c 200000 /dev/zero >&2; echo done >&3; sleep 1000"));
  ASSERT_TRUE(process) << process.error().message;
  const Fd socket = process->TakeSocket();
  char first = 0;
  while (recv(socket.get(), &first, 1, 0) < 0 && errno == EAGAIN) {
  }
  EXPECT_EQ(first, 'd');
}

TEST(PasstArgumentsTest, ForwardsBecomePortOptions) {
  PasstOptions options;
  options.forwards = {
      {.protocol = PortForward::Protocol::kTcp, .host_port = 2222, .guest_port = 22},
      {.protocol = PortForward::Protocol::kUdp,
       .host_address = "127.0.0.1",
       .host_port = 5353,
       .guest_port = 53}};
  const std::vector<std::string> arguments = PasstArguments(options, 3);
  const std::vector<std::string> tail(arguments.end() - 4, arguments.end());
  EXPECT_EQ(tail, (std::vector<std::string>{"--tcp-ports", "2222:22", "--udp-ports",
                                            "127.0.0.1/5353:53"}));
}

TEST(PasstArgumentsTest, NothingIsForwardedUnasked) {
  const std::vector<std::string> arguments = PasstArguments({}, 3);
  const std::vector<std::string> tail(arguments.end() - 4, arguments.end());
  EXPECT_EQ(tail, (std::vector<std::string>{"--tcp-ports", "none", "--udp-ports", "none"}));
}

TEST_F(PasstProcessTest, DeathWhileRunningTakesTheLinkDown) {
  Mutex mutex;
  std::vector<std::string> lines;
  NetOptions options;
  options.user = Script("echo; echo 'out of sockets' >&2; read x <&3; exit 7");
  options.logger = Logger(LogLevel::kWarning, [&](LogLevel, std::string_view line) {
    const MutexLock lock(mutex);
    lines.emplace_back(line);
  });
  const auto device = NetDevice::Create(options);
  ASSERT_TRUE(device) << device.error().message;
  TestGuest guest;
  TestDriver driver(guest, **device);
  ASSERT_TRUE(driver.Start());
  Bytes frame = Join({}, MakeFrame(60));
  frame.back() = '\n';
  ASSERT_TRUE(driver.Transact(1, std::array{guest.Place(frame)}, {}));
  EXPECT_TRUE(driver.transport().WaitUntil([&] { return !(*device)->link_up(); }));
  EXPECT_TRUE(
      driver.transport().WaitUntil([&] { return driver.transport().config_interrupts() == 1; }));
  EXPECT_TRUE(driver.Transact(1, std::array{guest.Place(frame)}, {}));
  const MutexLock lock(mutex);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_TRUE(Contains(lines[0], "out of sockets")) << lines[0];
}

}  // namespace
}  // namespace sealvm
