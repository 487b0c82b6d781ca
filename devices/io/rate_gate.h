// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_IO_RATE_GATE_H_
#define SEALVM_DEVICES_IO_RATE_GATE_H_

#include <stdint.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "devices/io/event_loop.h"
#include "devices/io/loop_timer.h"
#include "devices/io/rate_limiter.h"
#include "memory/base/mutex.h"
#include "memory/base/result.h"

namespace sealvm {

// A rate limit that the queues of a device share. Thread-safe.
class SharedRate {
 public:
  explicit SharedRate(const RateLimits& limits)
      : limited_(limits.any()), limiter_(limits, RateLimiter::Clock::now()) {}

  bool limited() const { return limited_; }
  // As RateLimiter::Take, now.
  std::optional<std::chrono::nanoseconds> Take(uint64_t bytes) SEALVM_EXCLUDES(mutex_);

 private:
  const bool limited_;
  Mutex mutex_;
  RateLimiter limiter_ SEALVM_GUARDED_BY(mutex_);
};

// One queue's way through a rate limit, on its loop's thread: who is held back is called when its
// time has come.
class RateGate {
 public:
  explicit RateGate(SharedRate& rate) : rate_(rate) {}
  RateGate(const RateGate&) = delete;
  RateGate& operator=(const RateGate&) = delete;

  // `resume` may destroy nothing that owns the gate. `loop` outlives it, or until Close.
  Result<> Open(EventLoop& loop, std::function<void()> resume);
  void Close() { timer_.reset(); }
  // False: `resume` will be called. What passed and did not happen passes again by KeepPaid.
  bool Pass(uint64_t bytes);
  void KeepPaid() { paid_ = true; }

 private:
  SharedRate& rate_;
  std::unique_ptr<LoopTimer> timer_;
  bool paid_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_IO_RATE_GATE_H_
