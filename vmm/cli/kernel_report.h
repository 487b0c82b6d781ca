// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_KERNEL_REPORT_H_
#define SEALVM_VMM_CLI_KERNEL_REPORT_H_

#include <string>

#include "vmm/boot/kernel_inspector.h"

namespace sealvm {

// What `sealvm inspect` says about a kernel: for people, and as indented JSON.
std::string KernelText(const KernelFacts& facts);
std::string KernelJson(const KernelFacts& facts);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_KERNEL_REPORT_H_
