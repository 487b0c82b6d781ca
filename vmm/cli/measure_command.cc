// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "vmm/cli/commands.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/id_block_file.h"
#include "vmm/cli/log.h"
#include "vmm/cli/measurement_report.h"
#include "vmm/cli/replacement_file.h"
#include "vmm/cli/sev_owner_options.h"
#include "vmm/cli/sev_verify.h"
#include "vmm/cli/verify_report.h"
#include "vmm/crypto/digest.h"

namespace sealvm {
namespace {

// What is written may not replace what is measured.
Result<> CheckIdBlockPaths(const MeasureRequest& request) {
  const std::string inputs[] = {request.firmware, request.kernel, request.initrd,
                                request.verify.path};
  SEALVM_TRY(CheckIsNoInput(request.id_block.id_block, "--write-id-block", inputs));
  return CheckIsNoInput(request.id_block.id_auth, "--write-id-auth", inputs);
}

// Writes the ID block that is asked for, and notes what reports of its guest will say.
Result<Measurement> MeasureAndWrite(const MeasureRequest& request) {
  SEALVM_TRY(CheckIdBlockPaths(request));
  Measurement measurement = SEALVM_TRY(Measure(request));
  if (!request.id_block.wanted()) return measurement;
  const attestation::IdAuthFacts keys =
      SEALVM_TRY(WriteIdBlock(request.id_block, measurement.digest, request.policy.value_or(0)));
  measurement.notes.push_back(
      fmt::format("ID_KEY_DIGEST of the guest's reports will be {}", HexText(keys.id_key_digest)));
  if (keys.author_key_digest) {
    measurement.notes.push_back(fmt::format("AUTHOR_KEY_DIGEST of the guest's reports will be {}",
                                            HexText(*keys.author_key_digest)));
  }
  return measurement;
}

int Verify(const MeasureRequest& request, const Measurement& measurement) {
  return ReportVerdict(request.verify,
                       HasLaunchOwner(request.isolation)
                           ? VerifySevLaunch(request, measurement)
                           : VerifyReport(request.verify, measurement.digest),
                       measurement.digest);
}

}  // namespace

int ExecuteMeasure(const MeasureRequest& request) {
  const Result<Measurement> measurement = MeasureAndWrite(request);
  if (!measurement) {
    ReportError(measurement.error());
    return ExitCodeOf(measurement.error());
  }
  for (const std::string& note : measurement->notes) Announce(note);
  if (!request.verify.path.empty()) return Verify(request, *measurement);
  return PrintText(request.json ? MeasurementJson(request, *measurement)
                                : MeasurementText(*measurement));
}

}  // namespace sealvm
