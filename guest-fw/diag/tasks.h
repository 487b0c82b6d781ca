// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_TASKS_H_
#define SEALVM_GUEST_FW_DIAG_TASKS_H_

namespace sealvm::diag {

// Does what the command line asks for and ends the run. Where ring 3 starts.
[[noreturn]] void RunTask();

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_TASKS_H_
