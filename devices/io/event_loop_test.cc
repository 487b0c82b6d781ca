// SPDX-License-Identifier: Apache-2.0
#include "devices/io/event_loop.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>

namespace sealvm {
namespace {

class EventLoopTest : public testing::Test {
 protected:
  EventLoopTest() : loop_(EventLoop::Create("test").value()), event_(eventfd(0, EFD_NONBLOCK)) {}

  void Signal() {
    const uint64_t one = 1;
    ASSERT_EQ(write(event_.get(), &one, sizeof(one)), ssize_t{sizeof(one)});
  }
  void Clear() {
    uint64_t count = 0;
    if (read(event_.get(), &count, sizeof(count)) < 0) return;
  }

  std::unique_ptr<EventLoop> loop_;
  Fd event_;
};

TEST_F(EventLoopTest, RunReturnsWhenTheTaskIsDone) {
  bool done = false;
  loop_->Run([&] { done = true; });
  EXPECT_TRUE(done);
}

TEST_F(EventLoopTest, RunsTasksOnItsThread) {
  EXPECT_FALSE(loop_->IsThisThread());
  bool inside = false;
  loop_->Run([&] { inside = loop_->IsThisThread(); });
  EXPECT_TRUE(inside);
}

TEST_F(EventLoopTest, RunInsideATaskDoesNotDeadlock) {
  bool done = false;
  loop_->Run([&] { loop_->Run([&] { done = true; }); });
  EXPECT_TRUE(done);
}

TEST_F(EventLoopTest, BlocksAllSignals) {
  int blocked = 0;
  loop_->Run([&] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) + sigismember(&mask, SIGRTMIN);
  });
  EXPECT_EQ(blocked, 2);
}

TEST_F(EventLoopTest, CallsAHandlerForItsDescriptor) {
  std::atomic<int> calls = 0;
  loop_->Run([&] {
    ASSERT_TRUE(loop_->Watch(event_.get(), EPOLLIN, [&](uint32_t events) {
      EXPECT_EQ(events, uint32_t{EPOLLIN});
      Clear();
      ++calls;
      calls.notify_all();
    }));
  });
  Signal();
  calls.wait(0);
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, AnUnwatchedDescriptorIsSilent) {
  std::atomic<int> calls = 0;
  loop_->Run([&] {
    ASSERT_TRUE(loop_->Watch(event_.get(), EPOLLIN, [&](uint32_t) { ++calls; }));
    loop_->Unwatch(event_.get());
  });
  Signal();
  for (int i = 0; i < 10; ++i) loop_->Run([] {});
  EXPECT_EQ(calls, 0);
}

TEST_F(EventLoopTest, AHandlerMayUnwatchItself) {
  std::atomic<int> calls = 0;
  loop_->Run([&] {
    ASSERT_TRUE(loop_->Watch(event_.get(), EPOLLIN, [&](uint32_t) {
      loop_->Unwatch(event_.get());
      ++calls;
      calls.notify_all();
    }));
  });
  Signal();
  calls.wait(0);
  for (int i = 0; i < 10; ++i) loop_->Run([] {});
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ADescriptorMayBeWatchedOnce) {
  loop_->Run([&] {
    ASSERT_TRUE(loop_->Watch(event_.get(), EPOLLIN, [](uint32_t) {}));
    EXPECT_FALSE(loop_->Watch(event_.get(), EPOLLIN, [](uint32_t) {}));
  });
}

// A task that posts itself for ever must not keep descriptors waiting.
TEST_F(EventLoopTest, DescriptorsGetTheirTurnBetweenTasks) {
  std::atomic<bool> seen = false;
  loop_->Run([&] {
    ASSERT_TRUE(loop_->Watch(event_.get(), EPOLLIN, [&](uint32_t) {
      Clear();
      seen = true;
      seen.notify_all();
    }));
  });
  std::function<void()> again = [&] {
    if (!seen) loop_->Post(again);
  };
  loop_->Post(again);
  Signal();
  seen.wait(false);
  loop_->Run([] {});
  EXPECT_TRUE(seen);
}

TEST_F(EventLoopTest, TasksPostedBeforeTheEndAreRun) {
  std::atomic<int> done = 0;
  for (int i = 0; i < 100; ++i) loop_->Post([&] { ++done; });
  loop_.reset();
  EXPECT_EQ(done, 100);
}

}  // namespace
}  // namespace sealvm
