// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SNP_REPORT_CHECK_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SNP_REPORT_CHECK_H_

#include <span>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/certificate.h"
#include "vmm/isolation/attestation/signature_verdict.h"
#include "vmm/isolation/attestation/snp_report.h"

namespace sealvm::attestation {

// Checks who signed a report. `certificates`: the first is the VCEK or VLEK; of the others those
// that issued themselves (AMD's ARK) are trusted, the rest (ASK, ASVK) lie in between. Looked at:
// the report's signature; that the TCB version and, for a VCEK, the chip of the certificate's
// extensions are those of the report (AMD "Versioned Chip Endorsement Key (VCEK) Certificate and
// KDS Interface Specification", 57230, section 3.1); the chain, when a root is among them. Without
// one, the verdict says that nobody vouches for the certificate. `name` begins errors, which are
// kInvalidInput.
Result<SignatureVerdict> CheckSnpReportSignature(const SnpReport& report,
                                                 std::span<const Certificate> certificates,
                                                 std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SNP_REPORT_CHECK_H_
