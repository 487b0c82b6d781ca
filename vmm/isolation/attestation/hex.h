// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_HEX_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_HEX_H_

#include <stddef.h>
#include <stdint.h>

#include <string_view>
#include <vector>

#include "memory/base/result.h"

namespace sealvm::attestation {

// Exactly `size` bytes of hex digits; kInvalidInput, whose message begins with `name`, otherwise.
// With `pad`, fewer bytes are taken too and zeroes put behind them.
Result<std::vector<uint8_t>> ParseHex(std::string_view text, size_t size, std::string_view name,
                                      bool pad = false);

// "0x30000": a number of at most 64 bits, hexadecimal with 0x and decimal without.
Result<uint64_t> ParseNumber(std::string_view text, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_HEX_H_
