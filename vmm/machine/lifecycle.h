// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_LIFECYCLE_H_
#define SEALVM_VMM_MACHINE_LIFECYCLE_H_

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>

#include "vmm/api/machine.h"

namespace sealvm {

// When and why a machine stops. Thread-safe.
class Lifecycle {
 public:
  // `on_stop` runs once, on the thread that asks first, with no lock held.
  explicit Lifecycle(std::function<void()> on_stop);

  // Asks for the end. The first report wins; true when this was it.
  bool RequestStop(ExitReport report);
  bool stop_requested() const { return stop_requested_.load(std::memory_order_acquire); }
  // The winning report, once there is one.
  std::optional<ExitReport> report() const;

 private:
  const std::function<void()> on_stop_;
  mutable std::mutex mutex_;
  std::atomic<bool> stop_requested_ = false;
  std::optional<ExitReport> report_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_LIFECYCLE_H_
