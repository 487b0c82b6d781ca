// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_ATTESTATION_RTMR_REPLAY_H_
#define SEALVM_VMM_ISOLATION_ATTESTATION_RTMR_REPLAY_H_

#include <stdint.h>

#include <array>
#include <optional>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/isolation/attestation/event_log.h"
#include "vmm/isolation/attestation/td_measurements.h"

namespace sealvm::attestation {

using Rtmrs = std::array<Sha384Digest, kRtmrCount>;

// What TDG.MR.RTMR.EXTEND makes of a register: SHA-384 of old value and digest.
Sha384Digest ExtendRtmr(const Sha384Digest& value, const Sha384Digest& digest);

// The RTMR, 0 to 3, that an event of this index goes into; nothing when it goes into MRTD.
// kInvalidInput for indices that name no register. PCRs map as UEFI 2.10 says (section 38.4.1,
// table "TPM PCR to TDX measurement registers"): 0 to MRTD, 1 and 7 to RTMR0, 2 to 6 to RTMR1, 8 to
// 15 to RTMR2.
Result<std::optional<size_t>> RtmrOfIndex(uint32_t index, RegisterIndexing indexing,
                                          std::string_view name);

// The registers after all events of `log`, from zero.
Result<Rtmrs> ReplayRtmrs(const EventLog& log, RegisterIndexing indexing, std::string_view name);

}  // namespace sealvm::attestation

#endif  // SEALVM_VMM_ISOLATION_ATTESTATION_RTMR_REPLAY_H_
