// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_IO_RATE_LIMITER_H_
#define SEALVM_DEVICES_IO_RATE_LIMITER_H_

#include <stdint.h>

#include <chrono>
#include <optional>

#include "devices/io/rate_limits.h"

namespace sealvm {

// Two token buckets, bytes and operations. Time is given by the caller. Not thread-safe.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  RateLimiter(const RateLimits& limits, Clock::time_point now);

  // Takes one operation of `bytes`, or nothing: then how long to wait before asking again. An
  // operation larger than the burst passes when the bucket is full, and is paid for afterwards.
  std::optional<std::chrono::nanoseconds> Take(uint64_t bytes, Clock::time_point now);

 private:
  struct Bucket {
    uint64_t rate = 0;
    uint64_t burst = 0;
    // In billionths of a token; negative is a debt.
    __int128 level = 0;

    void Refill(std::chrono::nanoseconds elapsed);
    std::chrono::nanoseconds WaitFor(uint64_t tokens) const;
    void Spend(uint64_t tokens);
  };

  Bucket bytes_;
  Bucket ops_;
  Clock::time_point last_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_IO_RATE_LIMITER_H_
