// SPDX-License-Identifier: Apache-2.0
#include "devices/io/rate_limiter.h"

#include <algorithm>
#include <limits>

namespace sealvm {

namespace {

// Billionths of a token, so that one nanosecond of any rate is a whole number.
constexpr __int128 kOneToken = 1'000'000'000;

}  // namespace

RateLimiter::RateLimiter(const RateLimits& limits, Clock::time_point now) : last_(now) {
  const auto fill = [](Bucket& bucket, uint64_t rate, uint64_t burst) {
    bucket.rate = rate;
    bucket.burst = burst != 0 ? burst : rate;
    bucket.level = bucket.burst * kOneToken;
  };
  fill(bytes_, limits.bytes_per_second, limits.bytes_burst);
  fill(ops_, limits.ops_per_second, limits.ops_burst);
}

std::optional<std::chrono::nanoseconds> RateLimiter::Take(uint64_t bytes, Clock::time_point now) {
  const std::chrono::nanoseconds elapsed = std::max(now - last_, Clock::duration::zero());
  last_ = std::max(last_, now);
  bytes_.Refill(elapsed);
  ops_.Refill(elapsed);
  const std::chrono::nanoseconds wait = std::max(bytes_.WaitFor(bytes), ops_.WaitFor(1));
  if (wait.count() > 0) return wait;
  bytes_.Spend(bytes);
  ops_.Spend(1);
  return std::nullopt;
}

void RateLimiter::Bucket::Refill(std::chrono::nanoseconds elapsed) {
  // Both factors are below 2^64 and 2^63: the product fits, a sum with the level might not.
  const __int128 gain = static_cast<__int128>(rate) * elapsed.count();
  const __int128 room = burst * kOneToken - level;
  level += std::min(gain, room);
}

std::chrono::nanoseconds RateLimiter::Bucket::WaitFor(uint64_t tokens) const {
  if (rate == 0) return {};
  const __int128 missing = std::min(tokens, burst) * kOneToken - level;
  if (missing <= 0) return {};
  const __int128 wait = (missing + rate - 1) / rate;
  constexpr __int128 kLongest = std::numeric_limits<int64_t>::max();
  return std::chrono::nanoseconds(static_cast<int64_t>(std::min(wait, kLongest)));
}

void RateLimiter::Bucket::Spend(uint64_t tokens) {
  if (rate != 0) level -= tokens * kOneToken;
}

}  // namespace sealvm
