// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_COMMANDS_H_
#define SEALVM_VMM_CLI_COMMANDS_H_

#include "vmm/cli/command_line.h"

namespace sealvm {

// The subcommands. Each returns the process's exit code and has printed what there is to say.
int ExecuteRun(const RunRequest& request);
int ExecuteDoctor(const DoctorRequest& request);
int ExecuteInspect(const InspectRequest& request);
int ExecuteMeasure(const MeasureRequest& request);

// Writes text to standard output; a failure is reported and gives kExitHostError, else 0.
int PrintText(std::string_view text);

// The general help page on standard error, for somebody who asked for nothing.
void PrintUsage();

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_COMMANDS_H_
