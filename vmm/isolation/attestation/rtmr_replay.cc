// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/rtmr_replay.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealvm::attestation {

Sha384Digest ExtendRtmr(const Sha384Digest& value, const Sha384Digest& digest) {
  std::array<uint8_t, 2 * sizeof(Sha384Digest)> both;
  std::ranges::copy(digest, std::ranges::copy(value, both.begin()).out);
  return Sha384Of(both);
}

Result<std::optional<size_t>> RtmrOfIndex(uint32_t index, RegisterIndexing indexing,
                                          std::string_view name) {
  if (index == 0) return std::nullopt;
  if (indexing == RegisterIndexing::kCc && index <= kRtmrCount) return index - 1;
  if (indexing == RegisterIndexing::kPcr) {
    if (index == 1 || index == 7) return 0;
    if (index <= 6) return 1;
    if (index <= 15) return 2;
  }
  return InvalidInput(fmt::format("{}: an event for {} {}, which no RTMR stands for", name,
                                  indexing == RegisterIndexing::kCc ? "register" : "PCR", index));
}

Result<Rtmrs> ReplayRtmrs(const EventLog& log, RegisterIndexing indexing, std::string_view name) {
  Rtmrs rtmrs = {};
  for (const LoggedEvent& event : log.events) {
    if (event.type == event_type::kNoAction) continue;
    const std::optional<size_t> rtmr = SEALVM_TRY(RtmrOfIndex(event.index, indexing, name));
    if (rtmr) rtmrs[*rtmr] = ExtendRtmr(rtmrs[*rtmr], event.digest);
  }
  return rtmrs;
}

}  // namespace sealvm::attestation
