// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_BENCH_CHILD_H_
#define SEALVM_TESTS_BENCH_CHILD_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "tests/bench/contender.h"

namespace sealvm {

// A program started with its stdout on a pipe, stdin and stderr on /dev/null. The owner waits for
// it.
class Child {
 public:
  enum class Trace { kNo, kYes };  // kYes: it stops at its first instruction, traced by the caller

  static Result<Child> Spawn(const std::vector<std::string>& command, Trace trace = Trace::kNo);

  pid_t pid() const { return pid_; }
  // The reading end of the pipe.
  int output() const { return output_.get(); }

 private:
  Child(pid_t pid, Fd output) : pid_(pid), output_(std::move(output)) {}

  pid_t pid_;
  Fd output_;
};

// An error unless `status`, from wait(2), is the exit that the contender is to end with.
Result<> CheckExit(const Contender& contender, int status);

}  // namespace sealvm

#endif  // SEALVM_TESTS_BENCH_CHILD_H_
