// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_TD_ATTRIBUTES_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_TD_ATTRIBUTES_H_

#include <stdint.h>

#include <string>

namespace sealvm::attestation {

// ATTRIBUTES of a TD (Intel TDX Module 1.5 ABI Specification, section "ATTRIBUTES (TD
// Attributes)").
inline constexpr uint64_t kTdAttributeDebug = 1ull << 0;  // the host may read the TD
inline constexpr uint64_t kTdAttributeSeptVeDisable = 1ull << 28;

// "SEPT_VE_DISABLE, PKS"; bits without a name as "unknown bits 0x...".
std::string DescribeTdAttributes(uint64_t attributes);

// XFAM, the extended features that the TD may use, by XCR0's and IA32_XSS's bits (Intel SDM volume
// 1, section 13.1).
std::string DescribeXfam(uint64_t xfam);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_TD_ATTRIBUTES_H_
