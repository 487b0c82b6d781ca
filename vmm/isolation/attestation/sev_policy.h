// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SEV_POLICY_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SEV_POLICY_H_

#include <stdint.h>

#include <string>
#include <string_view>

#include "memory/base/result.h"

namespace sealvm::attestation {

// A SEV or SEV-ES guest's policy (AMD Secure Encrypted Virtualization API 0.24, chapter 3).
namespace sev_policy {
inline constexpr uint32_t kNoDebug = 1 << 0;
inline constexpr uint32_t kNoKeySharing = 1 << 1;
inline constexpr uint32_t kEs = 1 << 2;      // SEV-ES is required
inline constexpr uint32_t kNoSend = 1 << 3;  // may not be sent to another platform
inline constexpr uint32_t kDomain = 1 << 4;  // only to platforms of the domain
inline constexpr uint32_t kSev = 1 << 5;     // only to platforms with SEV
inline constexpr uint32_t kReserved = 0xffc0;
inline constexpr unsigned kApiMajorShift = 16;
inline constexpr unsigned kApiMinorShift = 24;
}  // namespace sev_policy

// The policy, if it is one: kInvalidInput for more than 32 bits, for reserved bits, and when the
// bit for SEV-ES is not what `is_es` needs: KVM sets none. `name` begins the message.
Result<uint32_t> CheckSevPolicy(uint64_t policy, bool is_es, std::string_view name);

// A number, checked.
Result<uint32_t> ParseSevPolicy(std::string_view text, bool is_es, std::string_view name);

// "API 0.0, no debugging, SEV-ES required".
std::string DescribeSevPolicy(uint32_t policy);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SEV_POLICY_H_
