// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_HEX_TEXT_H_
#define SEALVM_VMM_CLI_HEX_TEXT_H_

#include <stdint.h>

#include <span>
#include <string_view>

#include "memory/base/result.h"

namespace sealvm {

// A number in hexadecimal digits, with or without "0x", of at most `most`.
Result<uint64_t> ParseHexNumber(std::string_view text, uint64_t most);

// Fills `bytes` from twice as many hexadecimal digits.
Result<> ParseHexBytes(std::string_view text, std::span<uint8_t> bytes);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_HEX_TEXT_H_
