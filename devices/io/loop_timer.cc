// SPDX-License-Identifier: Apache-2.0
#include "devices/io/loop_timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <utility>

namespace sealvm {

Result<std::unique_ptr<LoopTimer>> LoopTimer::Create(EventLoop& loop,
                                                     std::function<void()> expired) {
  // libstdc++'s steady_clock is this clock.
  Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer.valid()) return SystemError("timerfd_create", "CLOCK_MONOTONIC", errno);
  std::unique_ptr<LoopTimer> self(new LoopTimer(loop, std::move(timer), std::move(expired)));
  SEALVM_TRY(
      loop.Watch(self->timer_.get(), EPOLLIN, [at = self.get()](uint32_t) { at->OnReadable(); }));
  return self;
}

LoopTimer::~LoopTimer() { loop_.Unwatch(timer_.get()); }

void LoopTimer::NoLaterThan(Clock::time_point deadline) {
  if (deadline_ && *deadline_ <= deadline) return;
  deadline_ = deadline;
  const auto since_boot = deadline.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
  const std::chrono::nanoseconds rest = since_boot - seconds;
  // A time of zero would disarm it.
  const itimerspec time = {.it_interval = {},
                           .it_value = {.tv_sec = seconds.count(), .tv_nsec = rest.count() | 1}};
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time, nullptr);
}

void LoopTimer::OnReadable() {
  uint64_t expirations = 0;
  if (read(timer_.get(), &expirations, sizeof(expirations)) < 0) return;
  deadline_.reset();
  expired_();
}

}  // namespace sealvm
