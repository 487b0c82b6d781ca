// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/rate_gate.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace sealvm {

std::optional<std::chrono::nanoseconds> SharedRate::Take(uint64_t bytes) {
  const MutexLock lock(mutex_);
  return limiter_.Take(bytes, RateLimiter::Clock::now());
}

Result<> RateGate::Open(EventLoop& loop, std::function<void()> resume) {
  paid_ = false;
  if (!rate_.limited()) return {};
  timer_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_.valid()) return SystemError("timerfd_create", "", errno);
  SEALVM_TRY(loop.Watch(timer_.get(), EPOLLIN, [this, resume = std::move(resume)](uint32_t) {
    uint64_t expirations = 0;
    if (read(timer_.get(), &expirations, sizeof(expirations)) > 0) resume();
  }));
  loop_ = &loop;
  return {};
}

void RateGate::Close() {
  if (loop_ != nullptr) loop_->Unwatch(timer_.get());
  loop_ = nullptr;
  timer_.Reset();
}

bool RateGate::Pass(uint64_t bytes) {
  if (!rate_.limited() || std::exchange(paid_, false)) return true;
  const auto delay = rate_.Take(bytes);
  return !delay || !Arm(*delay);
}

// False: there is no timer, so nobody would come back.
bool RateGate::Arm(std::chrono::nanoseconds delay) {
  const int64_t wait = std::max<int64_t>(delay.count(), 1);
  itimerspec when = {};
  when.it_value.tv_sec = wait / 1'000'000'000;
  when.it_value.tv_nsec = wait % 1'000'000'000;
  return timerfd_settime(timer_.get(), 0, &when, nullptr) == 0;
}

}  // namespace sealvm
