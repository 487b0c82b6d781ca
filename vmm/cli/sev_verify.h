// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_SEV_VERIFY_H_
#define SEALVM_VMM_CLI_SEV_VERIFY_H_

#include "memory/base/result.h"
#include "vmm/cli/measure_request.h"
#include "vmm/cli/measurement_report.h"
#include "vmm/isolation/attestation/evidence_check.h"

namespace sealvm {

// `measure --verify` of a SEV or SEV-ES guest: compares the file of `run --sev-measurement` with
// what was calculated. When all of it holds, the packet of secrets that was asked for is written,
// for `run --sev-secret`. kInvalidInput for files and options that cannot be used.
Result<attestation::CheckedEvidence> VerifySevLaunch(const MeasureRequest& request,
                                                     const Measurement& measurement);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_SEV_VERIFY_H_
