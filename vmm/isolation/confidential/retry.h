// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_RETRY_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_RETRY_H_

#include <errno.h>

#include <chrono>
#include <thread>

namespace sealvm {

// How long a launch command that makes no progress is tried again. The kernel says EAGAIN when the
// firmware or another vCPU held a lock, and when there was no entropy for a key; both end soon.
inline constexpr std::chrono::milliseconds kMaxBusyTime{2000};
inline constexpr std::chrono::milliseconds kBusyPause{1};

// Whether trying the same again can help.
constexpr bool IsBusy(int os_error) {
  return os_error == EAGAIN || os_error == EINTR || os_error == EBUSY;
}

// Calls `issue`, which returns an outcome with `ok()` and `os_error`, until it is not busy any
// more; `progress` is true where the call, though it failed, has done some of its work. The last
// outcome.
template <typename Issue, typename Progress>
auto RetryWhileBusy(Issue issue, Progress progress) {
  auto last_progress = std::chrono::steady_clock::now();
  for (;;) {
    const auto outcome = issue();
    if (outcome.ok() || !IsBusy(outcome.os_error)) return outcome;
    const auto now = std::chrono::steady_clock::now();
    if (progress()) {
      last_progress = now;
    } else if (now - last_progress >= kMaxBusyTime) {
      return outcome;
    } else {
      std::this_thread::sleep_for(kBusyPause);
    }
  }
}

template <typename Issue>
auto RetryWhileBusy(Issue issue) {
  return RetryWhileBusy(issue, [] { return false; });
}

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_RETRY_H_
