// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_END_H_
#define SEALVM_GUEST_FW_DIAG_END_H_

#include <stdint.h>

#include <string_view>

#include "guest-fw/diag/acpi.h"

namespace sealvm::diag {

// The ways in which the run ends. Each tries the next harsher one when the machine ignores it.
// Callable from both rings.

// Codes that this program gives the exit device.
inline constexpr uint32_t kExitFailed = 1;      // the self-test found something
inline constexpr uint32_t kExitBadWord = 2;     // an unknown word on the command line
inline constexpr uint32_t kExitStillAlive = 3;  // the machine ignored a request to end

// S5 as the FADT and \_S5 describe it.
[[noreturn]] void PowerOff(const AcpiInfo& acpi);
// By the keyboard controller, as PCs do.
[[noreturn]] void Reset();
[[noreturn]] void EndByExitDevice(uint32_t code);
// Tells pvpanic.
[[noreturn]] void EndByPanic();
[[noreturn]] void EndByTripleFault();

// Prints "FAILED: `why`" and ends with kExitFailed.
[[noreturn]] void Fail(std::string_view why);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_END_H_
