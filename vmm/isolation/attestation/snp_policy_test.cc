// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_policy.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/attestation/sev_policy.h"

namespace sealvm::attestation {
namespace {

TEST(SnpPolicyTest, TakesEveryNamedBit) {
  EXPECT_EQ(*ParseSnpPolicy("0x30000", "--policy"), snp_policy::kDefault);
  EXPECT_TRUE(CheckSnpPolicy(snp_policy::kKnown, "--policy").has_value());
}

TEST(SnpPolicyTest, MandatoryBitMissing) {
  const auto policy = ParseSnpPolicy("0x10000", "--policy");
  ExpectInvalidInput(policy, "--policy: policy 0x10000 lacks bit 17");
  EXPECT_EQ(policy.error().hint, "0x30000 is that policy with it");
}

TEST(SnpPolicyTest, EveryReservedBitIsRefused) {
  for (unsigned bit = 26; bit < 64; ++bit) {
    ExpectInvalidInput(CheckSnpPolicy(snp_policy::kDefault | 1ull << bit, "--policy"),
                       "reserved bits");
  }
}

TEST(SnpPolicyTest, WhatTheHostDoesNotAccept) {
  constexpr uint64_t kHost = snp_policy::kSmt | snp_policy::kMustBeOne;
  EXPECT_TRUE(CheckSnpPolicy(snp_policy::kDefault | 0x133, "--policy", kHost).has_value());
  ExpectInvalidInput(
      CheckSnpPolicy(snp_policy::kDefault | snp_policy::kCiphertextHidingDram, "--policy", kHost),
      "does not accept bits 0x1000000 (ABI 0.0, ciphertext hiding required)");
}

TEST(SnpPolicyTest, InWords) {
  EXPECT_EQ(DescribeSnpPolicy(0xb0133), "ABI 1.51, SMT allowed, debugging allowed");
  EXPECT_EQ(DescribeSnpPolicy(1ull << 40),
            "ABI 0.0, mandatory bit 17 missing, unknown bits 0x10000000000");
}

TEST(SevPolicyTest, BitForEsMustFitTheMode) {
  EXPECT_EQ(*ParseSevPolicy("5", true, "--policy"), 5u);
  EXPECT_EQ(*ParseSevPolicy("1", false, "--policy"), 1u);
  ExpectInvalidInput(ParseSevPolicy("1", true, "--policy"), "lacks bit 2");
  ExpectInvalidInput(ParseSevPolicy("5", false, "--policy"), "requires SEV-ES");
}

TEST(SevPolicyTest, ReservedBitsAndWidth) {
  for (unsigned bit = 6; bit < 16; ++bit) {
    ExpectInvalidInput(ParseSevPolicy(std::to_string(1u << bit), false, "--policy"),
                       "reserved bits");
  }
  ExpectInvalidInput(ParseSevPolicy("0x100000000", false, "--policy"), "has 32 bits");
}

TEST(SevPolicyTest, InWords) {
  EXPECT_EQ(DescribeSevPolicy(0x11010005), "API 1.17, no debugging, SEV-ES required");
}

}  // namespace
}  // namespace sealvm::attestation
