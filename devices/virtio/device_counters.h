// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_DEVICE_COUNTERS_H_
#define SEALVM_DEVICES_VIRTIO_DEVICE_COUNTERS_H_

#include <stdint.h>

#include <atomic>

namespace sealvm {

// What a device did since its creation. Any thread may add; readers see each number whole.
struct DeviceCounters {
  using Counter = std::atomic<uint64_t>;

  Counter requests = 0;
  // Seen from the guest: what it got, and what it gave.
  Counter bytes_read = 0;
  Counter bytes_written = 0;
  // Requests that ended with an error, whoever's fault.
  Counter errors = 0;
  Counter kicks = 0;
  Counter interrupts = 0;
  // Descriptors that named memory which the guest does not share, or none.
  Counter refused_ranges = 0;
  // Times that a rate limit held a request back.
  Counter throttled = 0;

  static void Add(Counter& counter, uint64_t count = 1) {
    counter.fetch_add(count, std::memory_order_relaxed);
  }
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_DEVICE_COUNTERS_H_
