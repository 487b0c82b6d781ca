// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_BLOCK_SHARED_LIMITER_H_
#define SEALVM_DEVICES_VIRTIO_BLOCK_SHARED_LIMITER_H_

#include <chrono>
#include <optional>

#include "devices/io/rate_limiter.h"
#include "memory/base/mutex.h"

namespace sealvm {

// One rate limit for the queues of a device. Thread-safe.
class SharedLimiter {
 public:
  explicit SharedLimiter(const RateLimits& limits)
      : limited_(limits.any()), limiter_(limits, RateLimiter::Clock::now()) {}

  bool limited() const { return limited_; }
  // As RateLimiter::Take, now.
  std::optional<std::chrono::nanoseconds> Take(uint64_t bytes) SEALVM_EXCLUDES(mutex_) {
    if (!limited_) return std::nullopt;
    const MutexLock lock(mutex_);
    return limiter_.Take(bytes, RateLimiter::Clock::now());
  }

 private:
  const bool limited_;
  Mutex mutex_;
  RateLimiter limiter_ SEALVM_GUARDED_BY(mutex_);
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_BLOCK_SHARED_LIMITER_H_
