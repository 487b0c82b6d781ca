// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_HOST_ADVICE_H_
#define SEALVM_VMM_CLI_HOST_ADVICE_H_

#include <string>

#include "vmm/api/doctor.h"

namespace sealvm {

// What the user can change so that the mode works, one line; empty when it works or nothing helps.
std::string AdviceFor(const ModeReport& mode);
// The same for what a device needs.
std::string AdviceFor(const FacilityReport& report);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_HOST_ADVICE_H_
