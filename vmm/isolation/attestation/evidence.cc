// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/evidence.h"

#include <fmt/format.h>

#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

// A report of an unknown version is still one; larger numbers are something else.
constexpr uint32_t kMaxPlausibleVersion = 0xff;

// The plausible values of a quote's TEE type: SGX or TDX.
constexpr uint32_t kTeeTypeSgx = 0;

bool IsQuote(const FieldReader& start) {
  const uint16_t version = start.U16(0);
  const uint16_t key_type = start.U16(2);
  const uint32_t tee_type = start.U32(4);
  return version >= 3 && version <= 0xf && key_type >= 2 && key_type <= 0xf &&
         (tee_type == kTeeTypeTdx || tee_type == kTeeTypeSgx);
}

}  // namespace

std::string_view EvidenceKindName(EvidenceKind kind) {
  switch (kind) {
    case EvidenceKind::kSnpReport:
      return "SNP attestation report";
    case EvidenceKind::kTdReport:
      return "TDREPORT";
    case EvidenceKind::kTdQuote:
      return "TD quote";
    case EvidenceKind::kEventLog:
      return "event log";
  }
  return "evidence";
}

std::optional<EvidenceKind> RecognizeEvidence(std::span<const uint8_t> start, uint64_t file_size) {
  const FieldReader reader(start);
  if (IsEventLog(start)) return EvidenceKind::kEventLog;
  if (file_size == kTdReportSize && reader.U8(0) == kTdReportType) return EvidenceKind::kTdReport;
  if (file_size == kSnpReportSize && reader.U32(0) != 0 && reader.U32(0) <= kMaxPlausibleVersion) {
    return EvidenceKind::kSnpReport;
  }
  if (file_size >= kMinTdQuoteSize && file_size <= kMaxTdQuoteSize && IsQuote(reader)) {
    return EvidenceKind::kTdQuote;
  }
  return std::nullopt;
}

Result<Evidence> ParseEvidence(std::span<const uint8_t> bytes, std::string_view name) {
  const std::optional<EvidenceKind> kind = RecognizeEvidence(bytes, bytes.size());
  if (!kind) {
    return InvalidInput(
        fmt::format("{}: is no SNP report, TDREPORT, TD quote or event log", name),
        "an SNP report has 1184 bytes, a TDREPORT 1024; take a report out of its envelope first");
  }
  switch (*kind) {
    case EvidenceKind::kSnpReport:
      return ParseSnpReport(bytes, name);
    case EvidenceKind::kTdReport:
      return ParseTdReport(bytes, name);
    case EvidenceKind::kTdQuote:
      return ParseTdQuote(bytes, name);
    case EvidenceKind::kEventLog:
      break;
  }
  return ParseEventLog(bytes, name);
}

}  // namespace sealvm::attestation
