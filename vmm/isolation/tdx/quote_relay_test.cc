// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/quote_relay.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string.h>
#include <sys/socket.h>
// After sys/socket.h, whose sockaddr it uses.
#include <linux/vm_sockets.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "vmm/isolation/tdx/testing_memory.h"
#include "vmm/isolation/tdx/testing_quote_service.h"

namespace sealvm::tdx {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr uint64_t kGpa = TestingQuoteMemory::kBase;
constexpr uint64_t kSize = 16384;
constexpr size_t kBuffers = 4;
constexpr auto kPatience = 30s;

using Service = TestingQuoteService;

// Waits for the relay to hang up.
void AwaitEnd(int connection) {
  uint8_t byte = 0;
  static_cast<void>(recv(connection, &byte, 1, 0));
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
  Service service([](int connection, const auto& request) {
    Service::SendAll(connection, Service::Answer(request, 5000));
  });
  const auto relay = MakeRelay(service.address());
  EXPECT_EQ(Ask(*relay), vmcall_status::kSuccess);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0u);
  EXPECT_EQ(memory_.Data(kGpa), std::vector<uint8_t>(5000, 0x5a));
  EXPECT_EQ(relay->in_flight(), 0u);
}

TEST_F(QuoteRelayTest, SlowPiecesAreCollected) {
  Service service([](int connection, const auto& request) {
    for (const uint8_t byte : Service::Answer(request, 40)) Service::SendAll(connection, {byte});
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(memory_.Data(kGpa).size(), 40u);
}

TEST_F(QuoteRelayTest, SeveralQuestionsAtATime) {
  Service service([](int connection, const auto& request) {
    Service::SendAll(connection, Service::Answer(request, 1000));
  });
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

// Unlike a Unix socket's, a vsock's connection fails some time after connect(2).
TEST_F(QuoteRelayTest, NoServiceAtAVsockPort) {
  constexpr uint32_t kPort = 0x5ea1f00d;
  if (!Fd(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0)).valid()) {
    GTEST_SKIP() << "this host's kernel has no vsock: " << strerror(errno);
  }
  const auto relay = MakeRelay({.path = {}, .cid = VMADDR_CID_LOCAL, .port = kPort});
  EXPECT_EQ(Ask(*relay), vmcall_status::kSuccess);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000001u);
  loop_->Run([] {});
  EXPECT_THAT(Reason(), HasSubstr("connect("));
  EXPECT_EQ(relay->in_flight(), 0u);
}

TEST_F(QuoteRelayTest, SilentServiceIsGivenUp) {
  Service service([](int connection, const auto&) { AwaitEnd(connection); });
  const auto relay = MakeRelay(service.address(), {.timeout = 50ms});
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
  EXPECT_EQ(relay->in_flight(), 0u);
}

TEST_F(QuoteRelayTest, ServiceThatDripsIsGivenUp) {
  Service service([](int connection, const auto& request) {
    const std::vector<uint8_t> answer = Service::Answer(request, 10000);
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
  Service service([](int connection, const auto& request) {
    std::vector<uint8_t> answer = Service::Answer(request, 100);
    answer.pop_back();
    Service::SendAll(connection, answer);
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
  loop_->Run([] {});
  EXPECT_THAT(Reason(), HasSubstr("it hung up before its answer was complete"));
}

TEST_F(QuoteRelayTest, AnswerOf100MegabytesIsRefused) {
  Service service([](int connection, const auto&) {
    Service::SendAll(connection, {6, 0, 0, 0});
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
  Service service([](int connection, const auto& request) {
    Service::SendAll(connection, Service::Answer(request, kSize - 23));
  });
  const auto relay = MakeRelay(service.address());
  Ask(*relay);
  AwaitNotifications(1);
  EXPECT_EQ(Status(), 0x8000000000000000u);
}

TEST_F(QuoteRelayTest, TooManyQuestionsHaveToWait) {
  Service service([](int connection, const auto&) { AwaitEnd(connection); });
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
  Service service([](int connection, const auto&) { AwaitEnd(connection); });
  auto relay = MakeRelay(service.address());
  Ask(*relay, 0);
  Ask(*relay, 1);
  relay.reset();
  EXPECT_EQ(Status(), ~0ull);
}

}  // namespace
}  // namespace sealvm::tdx
