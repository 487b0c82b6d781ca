// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SNP_POLICY_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SNP_POLICY_H_

#include <stdint.h>

#include <string>
#include <string_view>

#include "memory/base/result.h"

namespace sealvm::attestation {

// A guest's policy (AMD SEV Secure Nested Paging Firmware ABI Specification 1.58, section 4.3):
// what the firmware refuses to launch without.
namespace snp_policy {
inline constexpr uint64_t kAbiMinorMask = 0xff;
inline constexpr uint64_t kAbiMajorMask = 0xff00;
inline constexpr uint64_t kSmt = 1ull << 16;           // SMT may be on
inline constexpr uint64_t kMustBeOne = 1ull << 17;     // reserved, 1
inline constexpr uint64_t kMigrateMa = 1ull << 18;     // a migration agent may be bound
inline constexpr uint64_t kDebug = 1ull << 19;         // the host may read the guest
inline constexpr uint64_t kSingleSocket = 1ull << 20;  // one socket only
inline constexpr uint64_t kCxlAllow = 1ull << 21;      // CXL devices and memory may be there
inline constexpr uint64_t kMemAes256Xts = 1ull << 22;  // memory needs AES-256-XTS
inline constexpr uint64_t kRaplDisable = 1ull << 23;   // RAPL must be off
inline constexpr uint64_t kCiphertextHidingDram = 1ull << 24;  // ciphertext hiding must be on
inline constexpr uint64_t kPageSwapDisable = 1ull << 25;       // no page swaps or moves by the host
// All bits that the specification names.
inline constexpr uint64_t kKnown = (1ull << 26) - 1;
// What sealvm launches with unless told otherwise: SMT allowed, no debugging.
inline constexpr uint64_t kDefault = kSmt | kMustBeOne;
}  // namespace snp_policy

// kInvalidInput when the mandatory bit is missing or a bit outside `allowed` is set; `name` begins
// the message. `allowed`: what the host accepts (KVM's attribute SNP_POLICY_BITS), or
// snp_policy::kKnown where none is at hand.
Result<> CheckSnpPolicy(uint64_t policy, std::string_view name,
                        uint64_t allowed = snp_policy::kKnown);

// A number, checked.
Result<uint64_t> ParseSnpPolicy(std::string_view text, std::string_view name,
                                uint64_t allowed = snp_policy::kKnown);

// "ABI 1.51, SMT allowed, debugging allowed": every bit that is set in words, and "unknown bits
// 0x...".
std::string DescribeSnpPolicy(uint64_t policy);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SNP_POLICY_H_
