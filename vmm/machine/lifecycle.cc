// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/lifecycle.h"

#include <utility>

namespace sealvm {

bool Lifecycle::RequestStop(ExitReport report) {
  const std::lock_guard lock(mutex_);
  if (report_) return false;
  report_ = std::move(report);
  stop_requested_.store(true, std::memory_order_release);
  changed_.notify_all();
  return true;
}

void Lifecycle::ScheduleChore(std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  if (chore_due_) return;
  chore_due_ = Clock::now() + delay;
  changed_.notify_all();
}

ExitReport Lifecycle::Wait(const std::function<void()>& chore) {
  std::unique_lock lock(mutex_);
  while (!report_) {
    if (!chore_due_) {
      changed_.wait(lock);
    } else if (Clock::now() < *chore_due_) {
      changed_.wait_until(lock, *chore_due_);
    } else {
      chore_due_.reset();
      lock.unlock();
      chore();
      lock.lock();
    }
  }
  return *report_;
}

}  // namespace sealvm
