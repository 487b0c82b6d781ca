// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/lifecycle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sealvm {
namespace {

ExitReport Report(ExitReason reason) { return {.reason = reason}; }

TEST(LifecycleTest, HasNoReportBeforeTheEnd) {
  const Lifecycle lifecycle([] {});
  EXPECT_FALSE(lifecycle.stop_requested());
  EXPECT_FALSE(lifecycle.report().has_value());
}

TEST(LifecycleTest, FirstReportWins) {
  Lifecycle lifecycle([] {});
  EXPECT_TRUE(lifecycle.RequestStop(Report(ExitReason::kPanic)));
  EXPECT_FALSE(lifecycle.RequestStop(Report(ExitReason::kReset)));
  EXPECT_EQ(lifecycle.report()->reason, ExitReason::kPanic);
}

TEST(LifecycleTest, TellsOfTheStopOnceWithTheReportInPlace) {
  int told = 0;
  std::optional<ExitReport> seen;
  Lifecycle* self = nullptr;
  Lifecycle lifecycle([&] {
    ++told;
    seen = self->report();
  });
  self = &lifecycle;
  lifecycle.RequestStop(Report(ExitReason::kPowerOff));
  lifecycle.RequestStop(Report(ExitReason::kPowerOff));
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->reason, ExitReason::kPowerOff);
}

TEST(LifecycleTest, OneOfManyConcurrentReportsWins) {
  std::atomic<int> told = 0;
  Lifecycle lifecycle([&] { ++told; });
  std::atomic<int> winners = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      if (lifecycle.RequestStop(Report(ExitReason::kStopped))) ++winners;
    });
  }
  threads.clear();
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(told, 1);
  EXPECT_TRUE(lifecycle.stop_requested());
}

}  // namespace
}  // namespace sealvm
