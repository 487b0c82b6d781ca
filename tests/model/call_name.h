// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_CALL_NAME_H_
#define SEALVM_TESTS_MODEL_CALL_NAME_H_

#include <string>
#include <string_view>

namespace sealvm::model {

// What an ioctl is called, or the command in it: "KVM_SET_CPUID2", "KVM_SEV_LAUNCH_START".
std::string CallName(bool of_td, unsigned long request, unsigned long argument);

// A call that changes nothing.
bool OnlyAsks(std::string_view name);
// One whose result, a file, the caller needs before it can go on.
bool MakesAFile(std::string_view name);

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_CALL_NAME_H_
