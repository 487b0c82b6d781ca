// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/lifecycle.h"

#include <utility>

namespace sealvm {

Lifecycle::Lifecycle(std::function<void()> on_stop) : on_stop_(std::move(on_stop)) {}

bool Lifecycle::RequestStop(ExitReport report) {
  {
    const std::lock_guard lock(mutex_);
    if (report_) return false;
    report_ = std::move(report);
    stop_requested_.store(true, std::memory_order_release);
  }
  on_stop_();
  return true;
}

std::optional<ExitReport> Lifecycle::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

}  // namespace sealvm
