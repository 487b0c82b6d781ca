// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/sev_policy.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/isolation/attestation/hex.h"

namespace sealvm::attestation {
namespace {

using namespace sev_policy;

constexpr std::pair<uint32_t, std::string_view> kBits[] = {
    {kNoDebug, "no debugging"}, {kNoKeySharing, "no key sharing"}, {kEs, "SEV-ES required"},
    {kNoSend, "no sending"},    {kDomain, "domain only"},          {kSev, "SEV platforms only"},
};

}  // namespace

Result<uint32_t> ParseSevPolicy(std::string_view text, bool is_es, std::string_view name) {
  return CheckSevPolicy(SEALVM_TRY(ParseNumber(text, name)), is_es, name);
}

Result<uint32_t> CheckSevPolicy(uint64_t value, bool is_es, std::string_view name) {
  if (value > UINT32_MAX) {
    return InvalidInput(fmt::format("{}: a SEV policy has 32 bits, {:#x} has more", name, value));
  }
  const auto policy = static_cast<uint32_t>(value);
  if ((policy & kReserved) != 0) {
    return InvalidInput(fmt::format("{}: policy {:#x} has reserved bits {:#x} set", name, policy,
                                    policy & kReserved),
                        "bits 6 to 15 must be 0");
  }
  if (is_es && (policy & kEs) == 0) {
    return InvalidInput(fmt::format("{}: policy {:#x} lacks bit 2, SEV-ES", name, policy),
                        fmt::format("{:#x} is that policy with it", policy | kEs));
  }
  if (!is_es && (policy & kEs) != 0) {
    return InvalidInput(
        fmt::format("{}: policy {:#x} requires SEV-ES, the guest is of plain SEV", name, policy),
        "leave bit 2 out or use --isolation sev-es");
  }
  return policy;
}

std::string DescribeSevPolicy(uint32_t policy) {
  std::string text =
      fmt::format("API {}.{}", policy >> kApiMajorShift & 0xff, policy >> kApiMinorShift & 0xff);
  for (const auto& [bit, words] : kBits) {
    if ((policy & bit) != 0) text.append(", ").append(words);
  }
  if ((policy & kReserved) != 0) text += fmt::format(", reserved bits {:#x}", policy & kReserved);
  return text;
}

}  // namespace sealvm::attestation
