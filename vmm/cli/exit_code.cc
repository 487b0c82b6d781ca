// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/exit_code.h"

#include <algorithm>

namespace sealvm {

int ExitCodeOf(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kInvalidInput:
      return kExitBadUsage;
    case ErrorKind::kRefused:
      return kExitRefused;
    case ErrorKind::kHost:
      break;
  }
  return kExitHostError;
}

int ExitCodeOf(const ExitReport& report, bool pass_guest_code) {
  switch (report.reason) {
    case ExitReason::kPowerOff:
    case ExitReason::kReset:
    case ExitReason::kStopped:
      return kExitSuccess;
    case ExitReason::kPanic:
    case ExitReason::kTripleFault:
      return kExitGuestPanic;
    case ExitReason::kGuestExit:
      return pass_guest_code ? static_cast<int>(std::min(report.guest_code, 255u)) : kExitSuccess;
    case ExitReason::kError:
      break;
  }
  return report.error ? ExitCodeOf(*report.error) : kExitHostError;
}

}  // namespace sealvm
