// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_TD_REPORT_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_TD_REPORT_H_

#include <stddef.h>
#include <stdint.h>

#include <array>
#include <span>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/td_measurements.h"

namespace sealvm::attestation {

// A TDREPORT_STRUCT (Intel TDX Module 1.5 ABI Specification, section "TDREPORT_STRUCT"): what
// TDG.MR.REPORT gives a TD. Its MAC can be checked on the same machine alone; a quote is what
// others can check.
inline constexpr size_t kTdReportSize = 1024;
inline constexpr uint8_t kTdReportType = 0x81;  // REPORTTYPE.TYPE

struct TdReport {
  uint8_t subtype = 0;
  uint8_t version = 0;
  std::array<uint8_t, 16> cpu_svn = {};
  TdMeasurements measurements;
  // Whether TEE_TCB_INFO_HASH and TEE_INFO_HASH are those of what the report holds.
  bool tcb_info_hash_holds = false;
  bool td_info_hash_holds = false;
};

// kInvalidInput for another size or type; `name` begins the message.
Result<TdReport> ParseTdReport(std::span<const uint8_t> bytes, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_TD_REPORT_H_
