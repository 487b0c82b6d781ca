// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/commands.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/kernel_report.h"
#include "vmm/cli/log.h"

namespace sealvm {

int ExecuteInspect(const InspectRequest& request) {
  const Result<KernelFacts> facts = InspectKernel(request.path);
  if (!facts) {
    ReportError(facts.error());
    return ExitCodeOf(facts.error());
  }
  return PrintText(request.json ? KernelJson(*facts) : KernelText(*facts));
}

}  // namespace sealvm
