// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_policy.h"

#include <fmt/format.h>

#include <utility>

#include "vmm/isolation/attestation/hex.h"

namespace sealvm::attestation {
namespace {

using namespace snp_policy;

constexpr std::pair<uint64_t, std::string_view> kBits[] = {
    {kSmt, "SMT allowed"},
    {kMigrateMa, "migration agent allowed"},
    {kDebug, "debugging allowed"},
    {kSingleSocket, "single socket"},
    {kCxlAllow, "CXL allowed"},
    {kMemAes256Xts, "AES-256-XTS required"},
    {kRaplDisable, "RAPL off required"},
    {kCiphertextHidingDram, "ciphertext hiding required"},
    {kPageSwapDisable, "page swap and move forbidden"},
};

}  // namespace

Result<> CheckSnpPolicy(uint64_t policy, std::string_view name, uint64_t allowed) {
  if ((policy & kMustBeOne) == 0) {
    return InvalidInput(fmt::format("{}: policy {:#x} lacks bit 17, which must be 1", name, policy),
                        fmt::format("{:#x} is that policy with it", policy | kMustBeOne));
  }
  const uint64_t refused = policy & ~(allowed | kMustBeOne | kAbiMinorMask | kAbiMajorMask);
  if (refused == 0) return {};
  if ((refused & ~kKnown) != 0) {
    return InvalidInput(fmt::format("{}: policy {:#x} has reserved bits {:#x} set", name, policy,
                                    refused & ~kKnown),
                        "bits 26 to 63 must be 0");
  }
  return InvalidInput(fmt::format("{}: this host does not accept bits {:#x} ({}) of policy {:#x}",
                                  name, refused, DescribeSnpPolicy(refused | kMustBeOne), policy),
                      fmt::format("it accepts {:#x}", allowed));
}

Result<uint64_t> ParseSnpPolicy(std::string_view text, std::string_view name, uint64_t allowed) {
  const uint64_t policy = SEALVM_TRY(ParseNumber(text, name));
  SEALVM_TRY(CheckSnpPolicy(policy, name, allowed));
  return policy;
}

std::string DescribeSnpPolicy(uint64_t policy) {
  std::string text =
      fmt::format("ABI {}.{}", (policy & kAbiMajorMask) >> 8, policy & kAbiMinorMask);
  for (const auto& [bit, words] : kBits) {
    if ((policy & bit) != 0) text.append(", ").append(words);
  }
  if ((policy & kMustBeOne) == 0) text += ", mandatory bit 17 missing";
  if ((policy & ~kKnown) != 0) text += fmt::format(", unknown bits {:#x}", policy & ~kKnown);
  return text;
}

}  // namespace sealvm::attestation
