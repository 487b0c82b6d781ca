// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_TD_QUOTE_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_TD_QUOTE_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/ecdsa.h"
#include "vmm/isolation/attestation/td_measurements.h"

namespace sealvm::attestation {

// A TD's quote of version 4 or 5 (Intel TDX DCAP Quoting Library API 1.23, appendix A "Quote
// Format").
inline constexpr size_t kMinTdQuoteSize = 48 + 584 + 4;
inline constexpr size_t kMaxTdQuoteSize = 64 * 1024;
inline constexpr uint32_t kTeeTypeTdx = 0x81;
inline constexpr size_t kQeReportSize = 384;

// The part that one key of the quoting enclave signs, and what vouches for that key.
struct TdQuoteSignature {
  EcdsaSignature signature;     // over the quote's signed bytes
  EcPublicKey attestation_key;  // P-256
  std::array<uint8_t, 64> attestation_key_raw = {};
  std::vector<uint8_t> qe_report;      // kQeReportSize bytes: an SGX report body
  EcdsaSignature qe_report_signature;  // over qe_report, by the PCK
  std::vector<uint8_t> qe_authentication_data;
  uint16_t certificate_type = 0;  // 5: a chain in PEM
  std::vector<uint8_t> certificates;
};

struct TdQuote {
  uint16_t version = 0;
  uint16_t qe_svn = 0;
  uint16_t pce_svn = 0;
  std::array<uint8_t, 16> qe_vendor_id = {};
  std::array<uint8_t, 20> user_data = {};
  // "TDX 1.0" or "TDX 1.5".
  std::string_view body_kind;
  TdMeasurements measurements;
  TdQuoteSignature signature;
  // Header and body, which the attestation key signs.
  std::vector<uint8_t> signed_bytes;
  // Bytes of the file behind the quote, which nobody signs: zeroes of the guest's buffer, or what
  // the tool that wrote the file left there.
  size_t trailing = 0;
};

// kInvalidInput for other versions, keys and TEEs and for lengths that do not fit; `name` begins
// the message.
Result<TdQuote> ParseTdQuote(std::span<const uint8_t> bytes, std::string_view name);

// Fields of the quoting enclave's SGX report (Intel SDM volume 3D, section 38.15 "REPORT").
struct QeReportFacts {
  std::array<uint8_t, 32> mr_enclave = {};
  std::array<uint8_t, 32> mr_signer = {};
  uint16_t product_id = 0;
  uint16_t svn = 0;
  std::array<uint8_t, 64> report_data = {};
};
QeReportFacts ReadQeReport(std::span<const uint8_t> qe_report);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_TD_QUOTE_H_
