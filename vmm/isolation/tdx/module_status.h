// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_MODULE_STATUS_H_
#define SEALVM_VMM_ISOLATION_TDX_MODULE_STATUS_H_

#include <stdint.h>

#include <string>
#include <string_view>

#include "memory/base/result.h"

namespace sealvm::tdx {

// The completion status of a SEAMCALL (Intel TDX Module 1.5 ABI Specification, "Interface Function
// Completion Status Codes"), which KVM hands on in kvm_tdx_cmd.hw_error.
struct ModuleStatus {
  bool error = false;            // bit 63
  bool non_recoverable = false;  // bit 62: trying again will not help
  bool fatal = false;            // bit 61
  uint8_t status_class = 0;      // bits 47:40
  uint8_t name_code = 0;         // bits 39:32
  uint32_t details = 0;          // bits 31:0; often the operand
};

ModuleStatus ParseModuleStatus(uint64_t status);

// "TDX_OPERAND_INVALID"; empty for a status without a known name.
std::string_view ModuleStatusName(uint64_t status);
// "resource busy"; "class 0x7f" for others.
std::string ModuleStatusClass(uint8_t status_class);

// "TDX_OPERAND_INVALID (0xc000010000000041: invalid operand, XFAM)".
std::string DescribeModuleStatus(uint64_t status);

// The error of an ioctl of KVM's that calls the module; `os_error` is kept. `status` 0: the module
// was not called or did not fail, KVM did.
std::unexpected<Error> ModuleError(std::string_view command, uint64_t status, int os_error);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_MODULE_STATUS_H_
