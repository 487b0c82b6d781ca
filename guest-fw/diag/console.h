// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_CONSOLE_H_
#define SEALVM_GUEST_FW_DIAG_CONSOLE_H_

#include <span>
#include <string_view>

namespace sealvm::diag {

// The first serial port, polled. Callable from both rings.

// Sets 115200 8n1 with FIFOs and no interrupts.
void SetUpConsole();

// Writes `text`, each newline with a carriage return before it.
void WriteConsole(std::string_view text);

// Waits for a line of input, which ends with CR or LF; what does not fit is dropped.
std::string_view ReadLine(std::span<char> storage);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_CONSOLE_H_
