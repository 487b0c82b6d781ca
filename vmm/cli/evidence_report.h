// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_EVIDENCE_REPORT_H_
#define SEALVM_VMM_CLI_EVIDENCE_REPORT_H_

#include <string>
#include <string_view>

#include "vmm/isolation/attestation/evidence.h"

namespace sealvm {

// What `sealvm inspect` says about a report, quote or event log: for people, and as indented JSON.
// Nothing in it was checked against a signature.
std::string EvidenceText(std::string_view path, const attestation::Evidence& evidence);
std::string EvidenceJson(std::string_view path, const attestation::Evidence& evidence);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_EVIDENCE_REPORT_H_
