// SPDX-License-Identifier: Apache-2.0
// What real firmware wrote: testdata/real/README.md. Certificate chains are left out, because their
// certificates expire.
#include <gtest/gtest.h>

#include "vmm/isolation/attestation/evidence_check.h"
#include "vmm/isolation/attestation/rtmr_replay.h"
#include "vmm/isolation/attestation/snp_policy.h"
#include "vmm/isolation/attestation/snp_report_check.h"
#include "vmm/isolation/attestation/td_attributes.h"
#include "vmm/isolation/attestation/td_quote_check.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

template <typename T>
T Read(const std::string& name) {
  const auto evidence = ParseEvidence(ReadVector("real/" + name), name);
  return std::get<T>(*evidence);
}

TEST(RealSamplesTest, SnpReportOfMilan) {
  const auto report = Read<SnpReport>("snp_milan.bin");
  EXPECT_EQ(report.version, 2u);
  EXPECT_TRUE(CheckSnpPolicy(report.policy, "policy").has_value());
  EXPECT_EQ(DescribeSnpTcb(report.Tcb(report.reported_tcb)),
            "boot loader 2, TEE 0, SNP 5, microcode 68");
  const auto vcek = *ParseCertificates(ReadVector("real/snp_milan_vcek.der"), "vcek");
  const auto verdict = CheckSnpReportSignature(report, vcek, "report");
  EXPECT_TRUE(verdict.has_value()) << verdict.error().ToString();
}

TEST(RealSamplesTest, QuotesOfBothVersions) {
  for (const char* name : {"quote_v4_with_tail.bin", "quote_v5.bin", "cos_quote_v4.bin"}) {
    const auto verdict = CheckTdQuoteSignature(Read<TdQuote>(name), {}, name);
    ASSERT_TRUE(verdict.has_value()) << verdict.error().ToString();
    EXPECT_EQ(verdict->signer, "Intel SGX PCK Certificate");
  }
  EXPECT_EQ(Read<TdQuote>("quote_v5.bin").body_kind, "TDX 1.5");
  EXPECT_EQ(Read<TdQuote>("quote_v4_with_tail.bin").trailing, 39u);
  EXPECT_EQ(DescribeTdAttributes(Read<TdQuote>("cos_quote_v4.bin").measurements.attributes),
            "SEPT_VE_DISABLE");
}

TEST(RealSamplesTest, LogOfATdAddsUpToItsQuote) {
  const auto log = Read<EventLog>("cos_ccel.bin");
  EXPECT_EQ(log.events.size(), 43u);
  const auto quote = Read<TdQuote>("cos_quote_v4.bin");
  EXPECT_EQ(GuessIndexing(log), RegisterIndexing::kCc);
  EXPECT_EQ(*ReplayRtmrs(log, RegisterIndexing::kCc, "log"), quote.measurements.rtmr);
  const auto checked = CheckEvidence(quote, {}, {}, &log, "quote");
  ASSERT_TRUE(checked.has_value());
  EXPECT_TRUE(checked->holds());
}

}  // namespace
}  // namespace sealvm::attestation
