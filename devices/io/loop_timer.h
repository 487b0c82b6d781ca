// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_IO_LOOP_TIMER_H_
#define SEALVM_DEVICES_IO_LOOP_TIMER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "devices/io/event_loop.h"
#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm {

// Calls a function on an event loop at the earliest of the deadlines that it is told. Used, created
// and destroyed on the loop's thread.
class LoopTimer {
 public:
  using Clock = std::chrono::steady_clock;

  // `expired` may destroy nothing that owns the timer. `loop` outlives it.
  static Result<std::unique_ptr<LoopTimer>> Create(EventLoop& loop, std::function<void()> expired);
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;
  ~LoopTimer();

  // Expires at `deadline` or before; after that, there is none until the next call.
  void NoLaterThan(Clock::time_point deadline);

 private:
  LoopTimer(EventLoop& loop, Fd timer, std::function<void()> expired)
      : loop_(loop), timer_(std::move(timer)), expired_(std::move(expired)) {}
  void OnReadable();

  EventLoop& loop_;
  const Fd timer_;
  const std::function<void()> expired_;
  std::optional<Clock::time_point> deadline_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_IO_LOOP_TIMER_H_
