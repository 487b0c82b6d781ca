// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_DEFERRED_TASK_H_
#define SEALVM_VMM_MACHINE_DEFERRED_TASK_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace sealvm {

// A task that runs some time after it was asked for, on a thread of its own that begins with the
// first request: a machine that never asks pays nothing. Thread-safe. Callers hold no lock that the
// task takes.
class DeferredTask {
 public:
  DeferredTask(std::chrono::milliseconds delay, std::function<void()> task);
  DeferredTask(const DeferredTask&) = delete;
  DeferredTask& operator=(const DeferredTask&) = delete;
  // Waits for the task if it runs just now; one that waits is dropped.
  ~DeferredTask();

  // Wants the task once, after the delay, unless it is due already. Also from the task itself.
  // Where no thread can be made, runs it at once.
  void Schedule();

 private:
  using Clock = std::chrono::steady_clock;

  bool HasThread();  // mutex_ held
  void ThreadMain();

  const std::chrono::milliseconds delay_;
  const std::function<void()> task_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Clock::time_point> due_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_DEFERRED_TASK_H_
