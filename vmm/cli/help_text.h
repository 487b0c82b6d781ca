// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_HELP_TEXT_H_
#define SEALVM_VMM_CLI_HELP_TEXT_H_

#include <string>

namespace sealvm {

// The help pages: `sealvm --help`, `sealvm run --help` and so on. Lines fit 80 columns.
std::string GeneralHelp();
std::string RunHelp();
std::string DoctorHelp();
std::string InspectHelp();
std::string MeasureHelp();

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_HELP_TEXT_H_
