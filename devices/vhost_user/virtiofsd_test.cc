// SPDX-License-Identifier: Apache-2.0
//
// The file system device with the program that it is made for.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "devices/vhost_user/fs_device.h"
#include "devices/vhost_user/testing/fake_backend.h"
#include "devices/virtio/testing/must.h"
#include "devices/virtio/testing/test_driver.h"

namespace sealvm {
namespace {

using testing::HasSubstr;

constexpr uint16_t kRequests = 1;

// Where tools/setup puts the program, by the same rule.
std::filesystem::path ProgramFolder() {
  const auto variable = [](const char* name) {
    const char* value = getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  std::filesystem::path cache = variable("SEALVM_CACHE");
  if (cache.empty()) {
    std::filesystem::path base = variable("XDG_CACHE_HOME");
    if (base.empty()) {
      const passwd* user = getpwuid(getuid());
      const std::string home = variable("HOME");
      base =
          std::filesystem::path(home.empty() && user != nullptr ? user->pw_dir : home) / ".cache";
    }
    cache = base / "sealvm";
  }
  return cache / "virtiofsd" / "current";
}

// A virtiofsd that serves a folder to who connects to a socket first. Ends with the object.
class Virtiofsd {
 public:
  Virtiofsd(const std::string& socket, const std::string& folder) {
    const std::filesystem::path program = ProgramFolder();
    const std::string library = program / "lib";
    const std::string loader = program / "lib/ld-linux-x86-64.so.2";
    const std::string virtiofsd = program / "virtiofsd";
    const Fd listener = ListenAt(socket);
    const std::string fd = "--fd=" + std::to_string(listener.get());
    const char* const arguments[] = {
        loader.c_str(),      "--library-path", library.c_str(), virtiofsd.c_str(), "--sandbox=none",
        "--log-level=error", fd.c_str(),       "--shared-dir",  folder.c_str(),    nullptr};
    child_ = fork();
    if (child_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    fcntl(listener.get(), F_SETFD, 0);
    execv(arguments[0], const_cast<char* const*>(arguments));
    _exit(127);
  }
  ~Virtiofsd() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Virtiofsd(const Virtiofsd&) = delete;
  Virtiofsd& operator=(const Virtiofsd&) = delete;

 private:
  pid_t child_ = -1;
};

class VirtiofsdTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(ProgramFolder() / "virtiofsd")) {
      GTEST_SKIP() << "virtiofsd is not in the cache; run tools/setup programs";
    }
    std::filesystem::create_directory(shared_);
    std::ofstream(shared_ + "/greeting") << "hello from the host";
    StartProcess();
    device_ = Must(FsDevice::Create(
        {.socket_path = socket_, .tag = "share", .queue_size = 64, .name = "fs0", .logger = {}}));
  }
  void StartProcess() {
    process_.reset();
    process_ = std::make_unique<Virtiofsd>(socket_, shared_);
  }
  void StartDriver(TestGuest& guest) {
    driver_ = std::make_unique<TestDriver>(
        guest, *device_, DriverQueue::Options{.indirect = true, .event_idx = true});
    ASSERT_TRUE(driver_->Start().has_value());
  }

  template <typename T>
  GuestBuffer Place(const T& value) {
    return driver_->guest().Place(
        std::span(reinterpret_cast<const uint8_t*>(&value), sizeof(value)));
  }
  // A FUSE request whose answer's payload has room for `room` bytes; nothing when it fails.
  std::optional<std::vector<uint8_t>> Ask(uint32_t opcode, uint64_t node, GuestBuffer argument,
                                          uint32_t room) {
    fuse_in_header in = {};
    in.len = static_cast<uint32_t>(sizeof(in)) + argument.length;
    in.opcode = opcode;
    in.unique = ++unique_;
    in.nodeid = node;
    const GuestBuffer out = driver_->guest().Room(sizeof(fuse_out_header));
    const GuestBuffer payload = driver_->guest().Room(room);
    const auto written = driver_->Transact(kRequests, {{Place(in), argument}}, {{out, payload}});
    if (!written || *written < sizeof(fuse_out_header)) return std::nullopt;
    fuse_out_header header = {};
    memcpy(&header, driver_->guest().Read(out).data(), sizeof(header));
    if (header.error != 0 || header.unique != unique_) return std::nullopt;
    std::vector<uint8_t> answer = driver_->guest().Read(payload);
    answer.resize(header.len - sizeof(header));
    return answer;
  }
  template <typename T>
  std::optional<T> AskFor(uint32_t opcode, uint64_t node, GuestBuffer argument) {
    const auto answer = Ask(opcode, node, argument, sizeof(T));
    if (!answer) return std::nullopt;
    T value = {};
    memcpy(&value, answer->data(), std::min(answer->size(), sizeof(value)));
    return value;
  }
  uint32_t InitializedMajor() {
    fuse_init_in init = {};
    init.major = FUSE_KERNEL_VERSION;
    init.minor = FUSE_KERNEL_MINOR_VERSION;
    const auto answer = AskFor<fuse_init_out>(FUSE_INIT, 0, Place(init));
    return answer ? answer->major : 0;
  }
  std::string ReadGreeting() {
    const auto entry = AskFor<fuse_entry_out>(FUSE_LOOKUP, FUSE_ROOT_ID,
                                              driver_->guest().Place(std::string("greeting\0", 9)));
    if (!entry) return "no entry";
    const auto open =
        AskFor<fuse_open_out>(FUSE_OPEN, entry->nodeid, Place(fuse_open_in{O_RDONLY, 0}));
    if (!open) return "not opened";
    fuse_read_in read = {};
    read.fh = open->fh;
    read.size = 100;
    const auto content = Ask(FUSE_READ, entry->nodeid, Place(read), read.size);
    return content ? std::string(content->begin(), content->end()) : "not read";
  }

  SocketFolder folder_;
  const std::string socket_ = folder_.Path("fs.sock");
  const std::string shared_ = folder_.Path("shared");
  uint64_t unique_ = 0;
  std::unique_ptr<Virtiofsd> process_;
  std::shared_ptr<FsDevice> device_;
  std::unique_ptr<TestDriver> driver_;
};

TEST_F(VirtiofsdTest, ReadsAFile) {
  TestGuest guest;
  StartDriver(guest);
  ASSERT_EQ(InitializedMajor(), uint32_t{FUSE_KERNEL_VERSION});
  EXPECT_EQ(ReadGreeting(), "hello from the host");
  driver_.reset();
}

TEST_F(VirtiofsdTest, ReachesMemoryAboveTheHole) {
  TestGuest guest(5 * kGiB);
  // Moves what follows, rings and all, as far up as this guest's RAM goes on.
  guest.Allocate(kLowRamEnd - 2 * kMiB);
  StartDriver(guest);
  ASSERT_EQ(InitializedMajor(), uint32_t{FUSE_KERNEL_VERSION});
  fuse_in_header in = {};
  in.len = sizeof(in);
  in.opcode = FUSE_STATFS;
  in.nodeid = FUSE_ROOT_ID;
  const GuestBuffer high = {kHighRamBase + kGiB, sizeof(fuse_out_header) + sizeof(fuse_statfs_out)};
  EXPECT_EQ(driver_->Transact(kRequests, {{Place(in)}}, {{high}}), high.length);
  fuse_out_header out = {};
  memcpy(&out, guest.Read(high).data(), sizeof(out));
  EXPECT_EQ(out.len, high.length);
  EXPECT_EQ(out.error, 0);
  driver_.reset();
}

TEST_F(VirtiofsdTest, ServesTheNextDriverAfterAReset) {
  TestGuest guest;
  StartDriver(guest);
  ASSERT_EQ(InitializedMajor(), uint32_t{FUSE_KERNEL_VERSION});
  for (int i = 0; i < 2; ++i) {
    driver_->Reset();
    ASSERT_TRUE(driver_->Start().has_value());
    ASSERT_EQ(InitializedMajor(), uint32_t{FUSE_KERNEL_VERSION});
    EXPECT_EQ(ReadGreeting(), "hello from the host");
  }
  driver_.reset();
}

TEST_F(VirtiofsdTest, AnotherProcessGoesOnAfterOneWasKilled) {
  TestGuest guest;
  StartDriver(guest);
  ASSERT_EQ(InitializedMajor(), uint32_t{FUSE_KERNEL_VERSION});
  process_.reset();
  EXPECT_TRUE(
      driver_->transport().WaitUntil([&] { return driver_->transport().failure().has_value(); }));
  EXPECT_THAT(driver_->transport().failure().value_or(""), HasSubstr("virtiofsd is gone"));
  driver_->Reset();
  StartProcess();
  // The transport of this driver keeps its failure: another one.
  driver_.reset();
  StartDriver(guest);
  ASSERT_EQ(InitializedMajor(), uint32_t{FUSE_KERNEL_VERSION});
  EXPECT_EQ(ReadGreeting(), "hello from the host");
  driver_.reset();
}

}  // namespace
}  // namespace sealvm
