// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_BENCH_TIMED_RUN_H_
#define SEALVM_TESTS_BENCH_TIMED_RUN_H_

#include "memory/base/result.h"
#include "tests/bench/contender.h"

namespace sealvm {

struct TimedRun {
  double first_instruction_ms = 0;  // from before the exec to the payload's 'X' on the pipe
  double whole_ms = 0;              // to the process's end
  double cpu_ms = 0;                // user and system, all threads
};

// Runs the contender once, its stdout on a pipe, stdin and stderr on /dev/null. An error when it
// ends in another way than expected, does not print 'X', or takes more than ten seconds (it is
// killed).
Result<TimedRun> RunTimed(const Contender& contender);

}  // namespace sealvm

#endif  // SEALVM_TESTS_BENCH_TIMED_RUN_H_
