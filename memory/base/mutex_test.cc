// SPDX-License-Identifier: Apache-2.0
#include "memory/base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace sealvm {
namespace {

TEST(MutexTest, IsHeldWhileTheLockLives) {
  Mutex mutex;
  bool taken_while_held = true;
  {
    MutexLock lock(mutex);
    std::jthread([&] {
      taken_while_held = mutex.TryLock();
      if (taken_while_held) mutex.Unlock();
    }).join();
  }

  EXPECT_FALSE(taken_while_held);
  ASSERT_TRUE(mutex.TryLock());
  mutex.Unlock();
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
