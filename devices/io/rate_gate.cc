// SPDX-License-Identifier: Apache-2.0
#include "devices/io/rate_gate.h"

#include <utility>

namespace sealvm {

std::optional<std::chrono::nanoseconds> SharedRate::Take(uint64_t bytes) {
  const MutexLock lock(mutex_);
  return limiter_.Take(bytes, RateLimiter::Clock::now());
}

Result<> RateGate::Open(EventLoop& loop, std::function<void()> resume) {
  paid_ = false;
  if (!rate_.limited()) return {};
  timer_ = SEALVM_TRY(LoopTimer::Create(loop, std::move(resume)));
  return {};
}

bool RateGate::Pass(uint64_t bytes) {
  if (!rate_.limited() || std::exchange(paid_, false)) return true;
  const auto delay = rate_.Take(bytes);
  if (!delay) return true;
  timer_->NoLaterThan(LoopTimer::Clock::now() + *delay);
  return false;
}

}  // namespace sealvm
