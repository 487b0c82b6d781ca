// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/quote_relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "vmm/isolation/tdx/testing_memory.h"

namespace sealvm::tdx {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr uint64_t kGpa = TestingQuoteMemory::kBase;
constexpr uint64_t kSize = 16384;
constexpr size_t kBuffers = 4;
constexpr auto kPatience = 30s;

// A quote service that does with each connection what it is told.
class FakeService {
 public:
  using Behaviour = std::function<void(int connection, const std::vector<uint8_t>& request)>;

  explicit FakeService(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
    char directory[] = "/tmp/sealvm-qgs-XXXXXX";
    directory_ = mkdtemp(directory);
    path_ = directory_ + "/socket";
    listener_.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    EXPECT_EQ(listen(listener_.get(), 16), 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~FakeService() {
    shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    unlink(path_.c_str());
    rmdir(directory_.c_str());
  }

  QuoteServiceAddress address() const { return {.path = path_, .cid = 0, .port = 0}; }

 private:
  void Serve() {
    while (true) {
      const Fd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection.valid()) return;
      std::vector<uint8_t> request(4 + 24 + 1024);
      if (recv(connection.get(), request.data(), request.size(), MSG_WAITALL) > 0) {
        behaviour_(connection.get(), request);
      }
    }
  }

  const Behaviour behaviour_;
  std::string directory_;
  std::string path_;
  Fd listener_;
  std::thread thread_;
};

void SendAll(int connection, const std::vector<uint8_t>& bytes) {
  static_cast<void>(send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

// Waits for the relay to hang up.
void AwaitEnd(int connection) {
  uint8_t byte = 0;
  static_cast<void>(recv(connection, &byte, 1, 0));
}

// An answer whose quote is the report's first bytes.
std::vector<uint8_t> Answer(const std::vector<uint8_t>& request, size_t quote_size) {
  std::vector<uint8_t> out(28 + quote_size, request.back());
  const std::span<uint8_t> bytes(out);
  const size_t size = 24 + quote_size;
  for (size_t i = 0; i < 4; ++i) out[i] = static_cast<uint8_t>(size >> (24 - 8 * i));
  StoreLeAny(bytes.subspan(4, 4), 0x00010001);
  StoreLeAny(bytes.subspan(8, 4), 1);
  StoreLeAny(bytes.subspan(12, 4), size);
  StoreLeAny(bytes.subspan(16, 8), 0);
  StoreLeAny(bytes.subspan(24, 4), quote_size);
  return out;
}

class QuoteRelayTest : public ::testing::Test {
 protected:
  QuoteRelayTest() : memory_(kBuffers * kSize), loop_(*EventLoop::Create("quotes")) {}

  std::unique_ptr<QuoteRelay> MakeRelay(const QuoteServiceAddress& address,
                                        QuoteRelay::Limits limits = {}) {
    return std::make_unique<QuoteRelay>(
        *loop_, address, memory_,
        QuoteRelay::Callbacks{[this] { Note(&notified_, ""); },
                              [this](const Error& error) { Note(&failed_, error.message); }},
        limits);
  }

  uint64_t Ask(QuoteRelay& relay, size_t buffer = 0) {
    memory_.Ask(kGpa + buffer * kSize);
    return relay.GetQuote(kGpa + buffer * kSize, kSize);
  }

  void AwaitNotifications(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, kPatience, [&] { return notified_ >= count; }));
  }
  std::string Reason() {
    const std::lock_guard lock(mutex_);
    return reason_;
  }

  uint64_t Status(size_t buffer = 0) const { return memory_.Status(kGpa + buffer * kSize); }

  TestingQuoteMemory memory_;
  std::unique_ptr<EventLoop> loop_;

 private:
  void Note(int* counter, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++*counter;
    if (!reason.empty()) reason_ = reason;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int notified_ = 0;
  int failed_ = 0;
  std::string reason_;
};

TEST_F(QuoteRelayTest, QuoteComesIntoTheBuffer) {
  FakeService service(
      [](int connection, const auto& request) { SendAll(connection, Answer(request, 5000)); });
  const auto relay = MakeRelay(service.address());
  EXPECT_EQ(Ask(*relay), vmcall_status::kSuccess);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0u);
  EXPECT_EQ(memory_.Data(kGpa), std::vector<uint8_t>(5000, 0x5a));
  EXPECT_EQ(relay->in_flight(), 0u);
}

TEST_F(QuoteRelayTest, SlowPiecesAreCollected) {
  FakeService service([](int connection, const auto& request) {
    for (const uint8_t byte : Answer(request, 40)) SendAll(connection, {byte});
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(memory_.Data(kGpa).size(), 40u);
}

TEST_F(QuoteRelayTest, SeveralQuestionsAtATime) {
  FakeService service(
      [](int connection, const auto& request) { SendAll(connection, Answer(request, 1000)); });
  const auto relay = MakeRelay(service.address());
  for (size_t i = 0; i < kBuffers; ++i) EXPECT_EQ(Ask(*relay, i), vmcall_status::kSuccess);
  AwaitNotifications(kBuffers);
  for (size_t i = 0; i < kBuffers; ++i) EXPECT_EQ(Status(i), 0u) << i;
}

TEST_F(QuoteRelayTest, NoService) {
  const auto relay = MakeRelay({.path = "/nonexistent/qgs", .cid = 0, .port = 0});
  EXPECT_EQ(Ask(*relay), vmcall_status::kSuccess);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000001u);
}

TEST_F(QuoteRelayTest, SilentServiceIsGivenUp) {
  FakeService service([](int connection, const auto&) { AwaitEnd(connection); });
  const auto relay = MakeRelay(service.address(), {.timeout = 50ms});
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
  EXPECT_EQ(relay->in_flight(), 0u);
}

TEST_F(QuoteRelayTest, ServiceThatDripsIsGivenUp) {
  FakeService service([](int connection, const auto& request) {
    const std::vector<uint8_t> answer = Answer(request, 10000);
    for (const uint8_t byte : answer) {
      if (send(connection, &byte, 1, MSG_NOSIGNAL) < 0) return;
      std::this_thread::sleep_for(5ms);
    }
  });
  const auto relay = MakeRelay(service.address(), {.timeout = 100ms});
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
}

TEST_F(QuoteRelayTest, ServiceThatHangsUp) {
  FakeService service([](int connection, const auto& request) {
    std::vector<uint8_t> answer = Answer(request, 100);
    answer.pop_back();
    SendAll(connection, answer);
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
  loop_->Run([] {});
  EXPECT_THAT(Reason(), HasSubstr("it hung up before its answer was complete"));
}

TEST_F(QuoteRelayTest, AnswerOf100MegabytesIsRefused) {
  FakeService service([](int connection, const auto&) {
    SendAll(connection, {6, 0, 0, 0});
    // As much as the socket takes: the relay reads none of it.
    const std::vector<uint8_t> chunk(65536);
    while (send(connection, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) {
    }
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
  loop_->Run([] {});
  EXPECT_THAT(Reason(), HasSubstr("an answer of 100663296 bytes"));
}

TEST_F(QuoteRelayTest, QuoteLargerThanTheBufferIsRefused) {
  FakeService service([](int connection, const auto& request) {
    SendAll(connection, Answer(request, kSize - 23));
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
}

TEST_F(QuoteRelayTest, TooManyQuestionsHaveToWait) {
  FakeService service([](int connection, const auto&) { AwaitEnd(connection); });
  const auto relay = MakeRelay(service.address(), {.timeout = 30s, .in_flight = 2});
  EXPECT_EQ(Ask(*relay, 0), vmcall_status::kSuccess);
  EXPECT_EQ(Ask(*relay, 1), vmcall_status::kSuccess);
  EXPECT_EQ(Ask(*relay, 2), vmcall_status::kRetry);
  EXPECT_EQ(Status(2), 0u);
  EXPECT_EQ(relay->in_flight(), 2u);
}

TEST_F(QuoteRelayTest, RefusedBuffersTakeNoPlace) {
  const auto relay = MakeRelay({.path = "/nonexistent/qgs", .cid = 0, .port = 0});
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(relay->GetQuote(0, kSize), vmcall_status::kInvalidOperand);
  EXPECT_EQ(relay->in_flight(), 0u);
}

TEST_F(QuoteRelayTest, EndsWithQuestionsInFlight) {
  FakeService service([](int connection, const auto&) { AwaitEnd(connection); });
  auto relay = MakeRelay(service.address());
  Ask(*relay, 0);
  Ask(*relay, 1);
  relay.reset();
  EXPECT_EQ(Status(), ~0ull);
}

}  // namespace
}  // namespace sealvm::tdx
