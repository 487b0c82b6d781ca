// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_TD_QUOTE_CHECK_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_TD_QUOTE_CHECK_H_

#include <span>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/certificate.h"
#include "vmm/isolation/attestation/signature_verdict.h"
#include "vmm/isolation/attestation/td_quote.h"

namespace sealvm::attestation {

// Checks a quote from the outside in: the attestation key signed header and body; the quoting
// enclave's report binds that key; the PCK certificate in the quote signed that report; and, when
// `roots` holds any (Intel's SGX root CA), the quote's chain leads to one of them. Not looked at,
// because it needs data that is fetched from Intel and expires: whether the platform's TCB is up to
// date, whether certificates were revoked, and whether the quoting enclave is Intel's. `name`
// begins errors, which are kInvalidInput.
Result<SignatureVerdict> CheckTdQuoteSignature(const TdQuote& quote,
                                               std::span<const Certificate> roots,
                                               std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_TD_QUOTE_CHECK_H_
