// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/commands.h"
#include "vmm/cli/evidence_file.h"
#include "vmm/cli/evidence_report.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/firmware_report.h"
#include "vmm/cli/id_block_file.h"
#include "vmm/cli/kernel_report.h"
#include "vmm/cli/log.h"

namespace sealvm {
namespace {

// What to print about the file. A report is recognized by its size and fields, a firmware by its
// end.
Result<std::string> Inspect(const InspectRequest& request) {
  const auto evidence = SEALVM_TRY(ReadEvidence(request.path));
  if (evidence) {
    return request.json ? EvidenceJson(request.path, *evidence)
                        : EvidenceText(request.path, *evidence);
  }
  if (auto block = SEALVM_TRY(InspectIdBlock(request.path, request.json))) return *block;
  const auto firmware = SEALVM_TRY(InspectFirmware(request.path));
  if (firmware) return request.json ? FirmwareJson(*firmware) : FirmwareText(*firmware);
  const KernelFacts kernel = SEALVM_TRY(InspectKernel(request.path));
  return request.json ? KernelJson(kernel) : KernelText(kernel);
}

}  // namespace

int ExecuteInspect(const InspectRequest& request) {
  const Result<std::string> text = Inspect(request);
  if (text) return PrintText(*text);
  ReportError(text.error());
  return ExitCodeOf(text.error());
}

}  // namespace sealvm
