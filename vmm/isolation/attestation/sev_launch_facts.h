// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_SEV_LAUNCH_FACTS_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_SEV_LAUNCH_FACTS_H_

#include <stdint.h>

#include <optional>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/evidence_check.h"
#include "vmm/isolation/attestation/sev_launch.h"

namespace sealvm::attestation {

// What the host of a SEV or SEV-ES guest tells its owner of the launch: the file that
// `sealvm run --sev-measurement` writes. All of it is the host's word until the HMAC holds.
struct SevLaunchFacts {
  SevMeasureInput input;  // with the digest as the host has calculated it
  SevMeasurement measurement;
};

inline constexpr size_t kMaxSevLaunchFactsSize = 4096;

// An object of JSON with the keys api_major, api_minor, build (numbers), policy (a text like
// "0x5"), digest and measurement (hexadecimal). kInvalidInput for anything else; `name` begins the
// message.
Result<SevLaunchFacts> ParseSevLaunchFacts(std::string_view text, std::string_view name);

// Compares with what the owner has calculated and, when it is given, the policy; and the HMAC by
// the owner's key. As with reports, a guest that may be debugged fails unless its policy is
// expected by value.
CheckedEvidence CheckSevLaunchFacts(const SevLaunchFacts& facts, const Sha256Digest& digest,
                                    std::optional<uint32_t> policy, bool is_es, const SevKey& tik);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_SEV_LAUNCH_FACTS_H_
