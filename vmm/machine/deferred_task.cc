// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/deferred_task.h"

#include <system_error>
#include <utility>

#include "memory/base/signal_blocker.h"

namespace sealvm {

DeferredTask::DeferredTask(std::chrono::milliseconds delay, std::function<void()> task)
    : delay_(delay), task_(std::move(task)) {}

DeferredTask::~DeferredTask() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void DeferredTask::Schedule() {
  {
    const std::lock_guard lock(mutex_);
    if (due_) return;
    if (HasThread()) {
      due_ = Clock::now() + delay_;
      changed_.notify_all();
      return;
    }
  }
  task_();
}

bool DeferredTask::HasThread() {
  if (thread_.joinable()) return true;
  const SignalBlocker blocker(SignalBlocker::All());
  try {
    thread_ = std::thread(&DeferredTask::ThreadMain, this);
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void DeferredTask::ThreadMain() {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    if (!due_) {
      changed_.wait(lock);
    } else if (Clock::now() < *due_) {
      changed_.wait_until(lock, *due_);
    } else {
      due_.reset();
      lock.unlock();
      task_();
      lock.lock();
    }
  }
}

}  // namespace sealvm
