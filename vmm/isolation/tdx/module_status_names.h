// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_MODULE_STATUS_NAMES_H_
#define SEALVM_VMM_ISOLATION_TDX_MODULE_STATUS_NAMES_H_

#include <stdint.h>

#include <string_view>

namespace sealvm::tdx {

// By bits 47:32 of a status; empty when there is no name.
std::string_view StatusName(uint16_t class_and_name);

// By bits 31:0 of a status that names an operand; empty when there is no name.
std::string_view OperandName(uint32_t operand);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_MODULE_STATUS_NAMES_H_
