// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_IO_RATE_LIMITS_H_
#define SEALVM_DEVICES_IO_RATE_LIMITS_H_

#include <stdint.h>

namespace sealvm {

// Limits of a device's traffic; 0 is no limit. A burst is what may come at once on top of the rate
// after idle time; 0 is one second's worth.
struct RateLimits {
  uint64_t bytes_per_second = 0;
  uint64_t bytes_burst = 0;
  uint64_t ops_per_second = 0;
  uint64_t ops_burst = 0;

  bool any() const { return bytes_per_second != 0 || ops_per_second != 0; }
  friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_IO_RATE_LIMITS_H_
