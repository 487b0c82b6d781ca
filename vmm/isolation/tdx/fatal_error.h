// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_FATAL_ERROR_H_
#define SEALVM_VMM_ISOLATION_TDX_FATAL_ERROR_H_

#include <stdint.h>

#include <span>
#include <string>

namespace sealvm::tdx {

// TDG.VP.VMCALL<ReportFatalError> (Intel TDX Guest-Hypervisor Communication Interface 1.5, section
// 3.4): a TD says that it cannot go on.
struct FatalError {
  uint32_t code = 0;           // R12, bits 31:0
  uint32_t extended_code = 0;  // R12, bits 62:32
  bool has_page = false;       // R12, bit 63: R13 is the GPA of a shared page with more
  uint64_t page = 0;
  std::string text;  // printable ASCII, at most 64 characters
};

// `registers`: the general-purpose registers in the order of their numbers (RAX, RCX, RDX, RBX,
// RSP, RBP, RSI, RDI, R8 ... R15), as KVM's TDX_FATAL event has them; those that are missing are
// zero.
FatalError ParseFatalError(std::span<const uint64_t> registers);

// "the guest gave up: No SEPT_VE_DISABLE (code 0)".
std::string DescribeFatalError(const FatalError& error);

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_FATAL_ERROR_H_
