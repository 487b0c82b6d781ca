// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_MEMORY_USAGE_H_
#define SEALVM_MEMORY_MEMORY_USAGE_H_

#include <stdint.h>

#include <memory>

#include "memory/falloc_notifier.h"
#include "memory/private_memory.h"

namespace sealvm {

// How much of a memory object is populated, and how it got there: the statistics' consumer of its
// falloc notifier. Thread-safe.
class MemoryUsage {
 public:
  struct Snapshot {
    uint64_t bytes = 0;  // populated now, as the kernel counts
    // The most that was seen populated: at every query and, because memory goes in releases alone,
    // before them; before small ones at most ten times a second.
    uint64_t peak_bytes = 0;
    // By Allocate and Release; what a guest populates by touching it is not in these.
    uint64_t allocations = 0;
    uint64_t allocated_bytes = 0;
    uint64_t releases = 0;
    uint64_t released_bytes = 0;
  };

  static Result<std::unique_ptr<MemoryUsage>> Watch(std::shared_ptr<PrivateMemory> memory);
  MemoryUsage(const MemoryUsage&) = delete;
  MemoryUsage& operator=(const MemoryUsage&) = delete;

  Snapshot Get() const;

 private:
  class Counter;
  MemoryUsage(std::shared_ptr<PrivateMemory> memory, std::shared_ptr<Counter> counter,
              FallocNotifier::Registration registration);

  const std::shared_ptr<PrivateMemory> memory_;
  const std::shared_ptr<Counter> counter_;
  const FallocNotifier::Registration registration_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_MEMORY_USAGE_H_
