// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_LIFECYCLE_H_
#define SEALVM_VMM_MACHINE_LIFECYCLE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "vmm/api/machine.h"

namespace sealvm {

// When and why a machine stops, and the small chores of the thread that waits for it. Thread-safe.
// Callers of RequestStop and ScheduleChore hold no lock that the chore takes.
class Lifecycle {
 public:
  // Asks for the end. The first report wins; true when this was it.
  bool RequestStop(ExitReport report);
  bool stop_requested() const { return stop_requested_.load(std::memory_order_acquire); }

  // Wants `chore` of Wait() to run once, `delay` from now, unless it is scheduled already.
  void ScheduleChore(std::chrono::milliseconds delay);

  // Blocks until RequestStop, running `chore` on this thread when it falls due. Returns the winning
  // report.
  ExitReport Wait(const std::function<void()>& chore);

 private:
  using Clock = std::chrono::steady_clock;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> stop_requested_ = false;
  std::optional<ExitReport> report_;
  std::optional<Clock::time_point> chore_due_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_LIFECYCLE_H_
