// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_BENCH_COUNTED_RUN_H_
#define SEALVM_TESTS_BENCH_COUNTED_RUN_H_

#include <stdint.h>

#include "memory/base/result.h"
#include "tests/bench/contender.h"

namespace sealvm {

// What one run asked of the kernel, all threads together.
struct CountedRun {
  uint64_t syscalls = 0;           // from the exec (counted) to the end
  uint64_t syscalls_at_start = 0;  // of these, up to the first KVM_RUN, itself included
  uint64_t kvm_ioctls = 0;         // of type KVMIO (0xAE), KVM_RUN included
  uint64_t peak_rss = 0;           // bytes at any system call, without the guest's memory
};

// Runs the contender once under ptrace, which stops it at every system call. The guest's memory are
// the mappings of at least kBenchGuestMemory. The process may not be traced by another already.
Result<CountedRun> RunCounted(const Contender& contender);

}  // namespace sealvm

#endif  // SEALVM_TESTS_BENCH_COUNTED_RUN_H_
