// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_CONSOLE_H_
#define SEALVM_GUEST_FW_MEASURED_CONSOLE_H_

#include "guest-fw/measured/isolation.h"

namespace sealvm::measured {

// The first serial port's data register, and QEMU's debug console.
inline constexpr uint16_t kSerialPort = 0x3f8;
inline constexpr uint16_t kDebugPort = 0x402;

// Writes "guest-fw: REASON" as a line to both. A console that does not work is not worth failing
// for.
void PrintFailure(Isolation& isolation, Failure failure);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_CONSOLE_H_
