// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/run_outcome.h"

#include <string.h>

#include <utility>

#include "vmm/cli/exit_code.h"
#include "vmm/cli/value_text.h"

namespace sealvm {
namespace {

RunOutcome Failure(std::string reason, int exit_code, Error error) {
  RunOutcome outcome;
  outcome.reason = std::move(reason);
  outcome.exit_code = exit_code;
  outcome.error = std::move(error);
  return outcome;
}

// The sentence for a guest that ended badly.
std::optional<Error> GuestError(const ExitReport& report) {
  switch (report.reason) {
    case ExitReason::kPanic:
      return report.error ? *report.error : HostError("the guest panicked").error();
    case ExitReason::kTripleFault:
      return HostError("the guest triple-faulted").error();
    case ExitReason::kError:
      return report.error ? *report.error : HostError("the machine failed").error();
    default:
      return std::nullopt;
  }
}

// What the diagnostic guest's codes mean: guest-fw/README.md. It is part of sealvm, so its failure
// is the run's, where the code of a user's own guest says nothing unless asked for.
std::optional<Error> DiagnosticGuestError(const ExitReport& report, const RunOptions& options) {
  const bool is_built_in = options.machine.kernel.empty() && options.machine.firmware.empty();
  if (report.reason != ExitReason::kGuestExit || !is_built_in || options.guest_exit_code) {
    return std::nullopt;
  }
  switch (report.guest_code) {
    case 1:
      return HostError("the diagnostic guest's self-test failed", "its console says where").error();
    case 2:
      return InvalidInput("--cmdline: a word that the diagnostic guest does not know",
                          "its console lists the words")
          .error();
    case 3:
      return HostError("the machine ignored the diagnostic guest's power-off").error();
    default:
      return std::nullopt;
  }
}

RunOutcome FromReport(const ExitReport& report, const RunOptions& options) {
  RunOutcome outcome;
  outcome.reason = ExitReasonName(report.reason);
  outcome.exit_code = ExitCodeOf(report, options.guest_exit_code);
  outcome.error = GuestError(report);
  if (report.reason == ExitReason::kGuestExit) outcome.guest_code = report.guest_code;
  if (std::optional<Error> error = DiagnosticGuestError(report, options)) {
    outcome.exit_code = ExitCodeOf(*error);
    outcome.error = std::move(error);
  }
  return outcome;
}

std::string SignalName(int signal_number) {
  const char* name = sigabbrev_np(signal_number);
  return name == nullptr ? "signal " + std::to_string(signal_number) : "SIG" + std::string(name);
}

// Whether the guest had come to its own end before the front-end's request reached it.
bool EndedByItself(const RunEnd& end) {
  return end.report && (!*end.report || (*end.report)->reason != ExitReason::kStopped);
}

}  // namespace

RunOutcome MakeOutcome(const RunEnd& end, const RunOptions& options) {
  if (end.cause == StopCause::kConsoleLost) {
    const Error lost = end.console_error.value_or(Error{});
    return Failure("console-lost", kExitHostError,
                   WithContext(lost, "the guest's console is lost").error());
  }
  if (EndedByItself(end)) {
    if (*end.report) return FromReport(**end.report, options);
    return Failure("error", ExitCodeOf(end.report->error()), end.report->error());
  }
  switch (end.cause) {
    case StopCause::kSignal:
      return Failure("signal", kExitHostError,
                     HostError("ended by " + SignalName(end.signal_number)).error());
    case StopCause::kTimeout:
      return Failure("timeout", kExitTimeout,
                     HostError("the guest did not end within " +
                               FormatSeconds(options.timeout.value_or(std::chrono::seconds(0))) +
                               " s (--timeout)")
                         .error());
    default:
      break;
  }
  RunOutcome outcome;
  outcome.reason = "user";
  return outcome;
}

}  // namespace sealvm
