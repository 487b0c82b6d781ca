// SPDX-License-Identifier: Apache-2.0
#include "memory/base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace sealvm {
namespace {

bool CanTake(Mutex& mutex) {
  if (!mutex.TryLock()) return false;
  mutex.Unlock();
  return true;
}

TEST(MutexTest, IsHeldWhileTheLockLives) {
  Mutex mutex;
  bool taken_while_held = true;
  {
    MutexLock lock(mutex);
    std::jthread([&] { taken_while_held = CanTake(mutex); }).join();
  }

  EXPECT_FALSE(taken_while_held);
  EXPECT_TRUE(CanTake(mutex));
}

TEST(CondVarTest, WaitReturnsWithTheLockHeldAfterANotification) {
  Mutex mutex;
  CondVar condition;
  bool ready = false;
  std::jthread notifier([&] {
    MutexLock lock(mutex);
    ready = true;
    condition.NotifyOne();
  });

  MutexLock lock(mutex);
  while (!ready) condition.Wait(mutex);

  EXPECT_TRUE(ready);
}

TEST(CondVarTest, WaitUntilGivesUpAtTheDeadline) {
  Mutex mutex;
  CondVar condition;
  MutexLock lock(mutex);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);

  while (condition.WaitUntil(mutex, deadline)) {
  }

  EXPECT_GE(std::chrono::steady_clock::now(), deadline);
}

}  // namespace
}  // namespace sealvm
