// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_REPORT_H_
#define SEALVM_GUEST_FW_DIAG_REPORT_H_

#include "guest-fw/diag/acpi.h"
#include "guest-fw/diag/words.h"

namespace sealvm::diag {

// Prints what this machine is, tests it and ends the run: power-off when all is well, else the exit
// device. Ring 3.
[[noreturn]] void ReportAndPowerOff(const Words& words, const AcpiInfo& acpi);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_REPORT_H_
