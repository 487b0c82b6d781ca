// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_VERIFY_REPORT_H_
#define SEALVM_VMM_CLI_VERIFY_REPORT_H_

#include <stdint.h>

#include <span>
#include <string>

#include "memory/base/result.h"
#include "vmm/cli/verify_request.h"
#include "vmm/isolation/attestation/evidence_check.h"

namespace sealvm {

// Reads the files and compares. `digest`: what `measure` computed, 48 bytes; empty: not compared.
// kInvalidInput for files and options that cannot be used.
Result<attestation::CheckedEvidence> VerifyReport(const VerifyRequest& request,
                                                  std::span<const uint8_t> digest);

std::string VerifyText(const attestation::CheckedEvidence& checked);
// `digest` is an entry of its own, unless it is empty.
std::string VerifyJson(const attestation::CheckedEvidence& checked,
                       std::span<const uint8_t> digest);

// Prints what was compared on standard output and the first difference as an error. Returns the
// exit code: 0 when all holds, 1 when something differs, 2 when it could not be compared.
int ReportVerdict(const VerifyRequest& request, const Result<attestation::CheckedEvidence>& checked,
                  std::span<const uint8_t> digest);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_VERIFY_REPORT_H_
