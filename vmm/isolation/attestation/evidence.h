// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_EVIDENCE_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_EVIDENCE_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/event_log.h"
#include "vmm/isolation/attestation/snp_report.h"
#include "vmm/isolation/attestation/td_quote.h"
#include "vmm/isolation/attestation/td_report.h"

namespace sealvm::attestation {

enum class EvidenceKind { kSnpReport, kTdReport, kTdQuote, kEventLog };

// "SNP attestation report", "TDREPORT", "TD quote", "event log".
std::string_view EvidenceKindName(EvidenceKind kind);

// The largest file that may hold evidence.
inline constexpr uint64_t kMaxEvidenceSize = kMaxEventLogSize;
// Bytes of a file's start that recognition looks at.
inline constexpr size_t kEvidenceStart = 64;

// What a file holds by its start and its size; nothing when it is none of these. A file that is
// recognised may still be damaged or of an unknown version.
std::optional<EvidenceKind> RecognizeEvidence(std::span<const uint8_t> start, uint64_t file_size);

using Evidence = std::variant<SnpReport, TdReport, TdQuote, EventLog>;

// kInvalidInput for files of no known kind and for damaged ones; `name` begins the message.
Result<Evidence> ParseEvidence(std::span<const uint8_t> bytes, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_EVIDENCE_H_
