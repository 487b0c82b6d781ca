// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/deferred_task.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <semaphore>
#include <vector>

namespace sealvm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(DeferredTaskTest, RunsOnceAfterItsDelay) {
  std::counting_semaphore<> ran{0};
  Clock::time_point when;
  DeferredTask task(milliseconds(30), [&] {
    when = Clock::now();
    ran.release();
  });
  const Clock::time_point begin = Clock::now();
  task.Schedule();
  task.Schedule();  // is due already
  ASSERT_TRUE(ran.try_acquire_for(seconds(20)));
  EXPECT_GE(when - begin, milliseconds(30));
  EXPECT_FALSE(ran.try_acquire_for(milliseconds(100)));
}

TEST(DeferredTaskTest, MayScheduleItselfAgain) {
  std::counting_semaphore<> ran{0};
  int runs = 0;
  DeferredTask* self = nullptr;
  DeferredTask task(milliseconds(1), [&] {
    if (++runs < 3) self->Schedule();
    ran.release();
  });
  self = &task;
  task.Schedule();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ran.try_acquire_for(seconds(20)));
}

TEST(DeferredTaskTest, RunsForARequestThatComesAfterARun) {
  std::counting_semaphore<> ran{0};
  DeferredTask task(milliseconds(1), [&] { ran.release(); });
  for (int i = 0; i < 3; ++i) {
    task.Schedule();
    ASSERT_TRUE(ran.try_acquire_for(seconds(20)));
  }
}

TEST(DeferredTaskTest, DestructionDropsWhatWaits) {
  std::atomic<int> runs = 0;
  const Clock::time_point begin = Clock::now();
  {
    DeferredTask task(seconds(600), [&] { ++runs; });
    task.Schedule();
  }
  EXPECT_EQ(runs, 0);
  EXPECT_LT(Clock::now() - begin, seconds(60));
}

TEST(DeferredTaskTest, TakesRequestsFromManyThreads) {
  std::atomic<int> runs = 0;
  {
    DeferredTask task(milliseconds(0), [&] { ++runs; });
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int j = 0; j < 200; ++j) task.Schedule();
      });
    }
  }
  EXPECT_LE(runs, 800);
}

TEST(DeferredTaskTest, ItsThreadTakesNoSignals) {
  std::binary_semaphore ran{0};
  sigset_t mask;
  DeferredTask task(milliseconds(0), [&] {
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    ran.release();
  });
  task.Schedule();
  ASSERT_TRUE(ran.try_acquire_for(seconds(20)));
  EXPECT_TRUE(sigismember(&mask, SIGTERM));
  EXPECT_TRUE(sigismember(&mask, SIGRTMIN));
}

}  // namespace
}  // namespace sealvm
