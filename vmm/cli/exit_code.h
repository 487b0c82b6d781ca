// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_EXIT_CODE_H_
#define SEALVM_VMM_CLI_EXIT_CODE_H_

#include "memory/base/result.h"
#include "vmm/api/machine.h"

namespace sealvm {

// Exit codes of sealvm: users' scripts rely on them.
inline constexpr int kExitSuccess = 0;
inline constexpr int kExitHostError = 1;
inline constexpr int kExitBadUsage = 2;
inline constexpr int kExitGuestPanic = 3;
inline constexpr int kExitTimeout = 4;
inline constexpr int kExitRefused = 5;

int ExitCodeOf(const Error& error);

// For a guest that stopped by itself or failed. `pass_guest_code`: --guest-exit-code on; codes
// above 255, which a process cannot return, become 255.
int ExitCodeOf(const ExitReport& report, bool pass_guest_code);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_EXIT_CODE_H_
