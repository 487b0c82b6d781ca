// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_DOCTOR_REPORT_H_
#define SEALVM_VMM_CLI_DOCTOR_REPORT_H_

#include <string>

#include "vmm/api/doctor.h"

namespace sealvm {

// The report for people, and as indented JSON with the same facts.
std::string DoctorText(const HostReport& report);
std::string DoctorJson(const HostReport& report);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_DOCTOR_REPORT_H_
