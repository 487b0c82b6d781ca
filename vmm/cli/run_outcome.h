// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_RUN_OUTCOME_H_
#define SEALVM_VMM_CLI_RUN_OUTCOME_H_

#include <stdint.h>

#include <optional>
#include <string>

#include "memory/base/result.h"
#include "vmm/api/machine.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// Why the front-end ended a run that the guest did not end.
enum class StopCause { kNone, kUser, kSignal, kTimeout, kConsoleLost };

// How a run went as a whole.
struct RunOutcome {
  // "power-off", "panic", "timeout", "signal", "user", "error" ...
  std::string reason;
  int exit_code = 0;
  // What is to be said in one line; absent when nothing went wrong.
  std::optional<Error> error;
  std::optional<uint32_t> guest_code;
  // Absent when no machine came to be, or when it did not stop in time; of the last machine where
  // there were several.
  std::optional<MachineStats> stats;
  uint64_t resets = 0;  // after which the machine was made anew
};

// Puts together what the machine says (`report`, or the error of Create and Start) and why the
// front-end stopped it. `signal_number` belongs to kSignal, `console_error` to kConsoleLost.
struct RunEnd {
  StopCause cause = StopCause::kNone;
  int signal_number = 0;
  std::optional<Error> console_error;
  std::optional<Result<ExitReport>> report;
};
RunOutcome MakeOutcome(const RunEnd& end, const RunOptions& options);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_RUN_OUTCOME_H_
