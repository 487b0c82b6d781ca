// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_EFFECTIVE_CMDLINE_H_
#define SEALVM_VMM_MACHINE_EFFECTIVE_CMDLINE_H_

#include <string>

#include "vmm/api/config.h"

namespace sealvm {

// The command line that the guest's kernel gets: the user's words and, before them, what machine
// and mode need. Behind a firmware the user's alone: the firmware tells the kernel of its machine,
// and a measurement of the line has to be that of what the user wrote.
std::string EffectiveCmdline(const MachineConfig& config, IsolationMode mode);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_EFFECTIVE_CMDLINE_H_
