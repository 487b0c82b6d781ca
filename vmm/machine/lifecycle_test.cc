// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/lifecycle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sealvm {
namespace {

using std::chrono::milliseconds;

ExitReport Report(ExitReason reason) { return {.reason = reason}; }

TEST(LifecycleTest, FirstReportWins) {
  Lifecycle lifecycle;
  EXPECT_TRUE(lifecycle.RequestStop(Report(ExitReason::kPanic)));
  EXPECT_FALSE(lifecycle.RequestStop(Report(ExitReason::kReset)));
  EXPECT_EQ(lifecycle.Wait([] {}).reason, ExitReason::kPanic);
}

TEST(LifecycleTest, OneOfManyConcurrentReportsWins) {
  Lifecycle lifecycle;
  std::atomic<int> winners = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (lifecycle.RequestStop(Report(ExitReason::kStopped))) ++winners;
    });
  }
  threads.clear();
  EXPECT_EQ(winners, 1);
  EXPECT_TRUE(lifecycle.stop_requested());
}

TEST(LifecycleTest, WaitReturnsWhenAnotherThreadStops) {
  Lifecycle lifecycle;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(20));
    lifecycle.RequestStop(Report(ExitReason::kPowerOff));
  });
  EXPECT_EQ(lifecycle.Wait([] {}).reason, ExitReason::kPowerOff);
}

TEST(LifecycleTest, ChoreRunsOnceAfterItsDelay) {
  Lifecycle lifecycle;
  int runs = 0;
  const auto begin = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration waited{};
  lifecycle.ScheduleChore(milliseconds(30));
  lifecycle.ScheduleChore(milliseconds(30));  // already scheduled
  lifecycle.Wait([&] {
    ++runs;
    waited = std::chrono::steady_clock::now() - begin;
    lifecycle.RequestStop(Report(ExitReason::kStopped));
  });
  EXPECT_EQ(runs, 1);
  EXPECT_GE(waited, milliseconds(30));
}

TEST(LifecycleTest, ChoreMayScheduleItselfAgain) {
  Lifecycle lifecycle;
  int runs = 0;
  lifecycle.ScheduleChore(milliseconds(1));
  lifecycle.Wait([&] {
    if (++runs == 3) {
      lifecycle.RequestStop(Report(ExitReason::kStopped));
    } else {
      lifecycle.ScheduleChore(milliseconds(1));
    }
  });
  EXPECT_EQ(runs, 3);
}

TEST(LifecycleTest, ChoreScheduledByAnotherThreadWakesTheWaiter) {
  Lifecycle lifecycle;
  std::jthread scheduler([&] {
    std::this_thread::sleep_for(milliseconds(20));
    lifecycle.ScheduleChore(milliseconds(0));
  });
  bool ran = false;
  lifecycle.Wait([&] {
    ran = true;
    lifecycle.RequestStop(Report(ExitReason::kStopped));
  });
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace sealvm
