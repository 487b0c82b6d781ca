// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_VALUE_TEXT_H_
#define SEALVM_VMM_CLI_VALUE_TEXT_H_

#include <stdint.h>

#include <chrono>
#include <string>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// Texts of option values and back. Parsers return kInvalidInput with a message that quotes the
// text; the caller puts the option's name before it. Format*(x) parses back to x.

// "512M", "2G", "4096": a whole number, K, M, G or T (binary), no sign, no fraction, no space.
Result<uint64_t> ParseSize(std::string_view text);
// The largest unit that divides the size: 536870912 -> "512M".
std::string FormatSize(uint64_t bytes);

// A decimal number from `least` to `most`.
Result<uint64_t> ParseNumber(std::string_view text, uint64_t least, uint64_t most);

// "1", "0.25": more than zero, at most 10^9 seconds, at most nine decimals.
Result<std::chrono::nanoseconds> ParseSeconds(std::string_view text);
std::string FormatSeconds(std::chrono::nanoseconds duration);

// "on" or "off".
Result<bool> ParseSwitch(std::string_view text);
std::string FormatSwitch(bool value);

// "stdio", "pty", "file=PATH", "socket=PATH", "off".
Result<ConsoleTarget> ParseConsole(std::string_view text);
std::string FormatConsole(const ConsoleTarget& target);

// A path: anything but nothing.
Result<std::string> ParsePath(std::string_view text);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_VALUE_TEXT_H_
