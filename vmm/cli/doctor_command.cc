// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/doctor.h"
#include "vmm/cli/commands.h"
#include "vmm/cli/doctor_report.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/log.h"

namespace sealvm {

int ExecuteDoctor(const DoctorRequest& request) {
  const Result<HostReport> report = ExamineHost();
  if (!report) {
    ReportError(report.error());
    return ExitCodeOf(report.error());
  }
  const int printed = PrintText(request.json ? DoctorJson(*report) : DoctorText(*report));
  if (printed != kExitSuccess) return printed;
  return report->auto_choice ? kExitSuccess : kExitHostError;
}

}  // namespace sealvm
