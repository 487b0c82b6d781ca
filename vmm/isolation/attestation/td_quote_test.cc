// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/td_quote.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/attestation/field_reader.h"
#include "vmm/isolation/attestation/td_attributes.h"
#include "vmm/isolation/attestation/td_quote_check.h"
#include "vmm/isolation/attestation/td_report.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

constexpr size_t kBodyV4 = 48;
constexpr size_t kSignatureSizeV4 = kBodyV4 + 584;

TdQuote Quote(const std::vector<uint8_t>& bytes) { return *ParseTdQuote(bytes, "quote"); }

std::vector<Certificate> Roots() { return *ParseCertificates(ReadVector("tdx_root.pem"), "root"); }

void ExpectMeasurements(const TdMeasurements& td) {
  EXPECT_EQ(td.tee_tcb_svn, (Filled<std::array<uint8_t, 16>>(5)));
  EXPECT_EQ(td.mr_seam, Filled<Sha384Digest>(0x31));
  EXPECT_EQ(td.mr_signer_seam, Sha384Digest{});
  EXPECT_EQ(DescribeTdAttributes(td.attributes), "SEPT_VE_DISABLE");
  EXPECT_EQ(DescribeXfam(td.xfam), "x87, SSE, AVX, AVX-512, AMX");
  EXPECT_EQ(td.mrtd, Filled<Sha384Digest>(0x41));
  EXPECT_EQ(td.mr_config_id, Filled<Sha384Digest>(0x51));
  EXPECT_EQ(td.mr_owner, Filled<Sha384Digest>(0x61));
  EXPECT_EQ(td.mr_owner_config, Filled<Sha384Digest>(0x71));
  EXPECT_EQ(td.report_data, (Filled<std::array<uint8_t, 64>>(0x81)));
  const std::vector<uint8_t> rtmrs = ReadVector("ccel_rtmr.bin");
  for (size_t i = 0; i < kRtmrCount; ++i) {
    EXPECT_EQ(td.rtmr[i], FieldReader(rtmrs).Array<48>(i * 48)) << i;
  }
}

TEST(TdQuoteTest, FieldsOfVersion4) {
  const TdQuote quote = Quote(ReadVector("quote_v4.bin"));
  EXPECT_EQ(quote.version, 4);
  EXPECT_EQ(quote.body_kind, "TDX 1.0");
  EXPECT_EQ(quote.user_data, (Filled<std::array<uint8_t, 20>>(0xb0)));
  ExpectMeasurements(quote.measurements);
  EXPECT_FALSE(quote.measurements.mr_service_td.has_value());
  const QeReportFacts qe = ReadQeReport(quote.signature.qe_report);
  EXPECT_EQ(qe.mr_enclave, (Filled<std::array<uint8_t, 32>>(2)));
  EXPECT_EQ(qe.mr_signer, (Filled<std::array<uint8_t, 32>>(3)));
  EXPECT_EQ(qe.product_id, 2);
  EXPECT_EQ(qe.svn, 6);
}

TEST(TdQuoteTest, FieldsOfVersion5) {
  const TdQuote quote = Quote(ReadVector("quote_v5.bin"));
  EXPECT_EQ(quote.version, 5);
  EXPECT_EQ(quote.body_kind, "TDX 1.5");
  ExpectMeasurements(quote.measurements);
  EXPECT_EQ(quote.measurements.mr_service_td, Filled<Sha384Digest>(0xa1));
  EXPECT_EQ(quote.measurements.tee_tcb_svn_2, (Filled<std::array<uint8_t, 16>>(6)));
}

TEST(TdQuoteTest, CutOffAnywhereIsAnError) {
  for (const char* name : {"quote_v4.bin", "quote_v5.bin"}) {
    std::vector<uint8_t> bytes = ReadVector(name);
    while (bytes.back() == 0) bytes.pop_back();
    // The last zero belongs to the certificates.
    for (size_t size = 0; size <= bytes.size(); size += size < 800 ? 1 : 37) {
      ExpectInvalidInput(ParseTdQuote(std::span(bytes).first(size), "q"), "q: ");
    }
  }
}

TEST(TdQuoteTest, HeaderFieldsThatAreNotKnown) {
  const std::vector<uint8_t> good = ReadVector("quote_v4.bin");
  struct Case {
    size_t at;
    uint8_t value;
    const char* error;
  };
  for (const auto& [at, value, error] :
       {Case{0, 3, "quote of version 3"}, Case{0, 6, "quote of version 6"},
        Case{2, 3, "attestation key of type 3"}, Case{4, 0, "quote of TEE type 0x0"}}) {
    std::vector<uint8_t> bytes = good;
    bytes[at] = value;
    ExpectInvalidInput(ParseTdQuote(bytes, "q"), error);
  }
}

TEST(TdQuoteTest, BodyOfVersion5) {
  const std::vector<uint8_t> good = ReadVector("quote_v5.bin");
  std::vector<uint8_t> bytes = good;
  bytes[48] = 1;
  ExpectInvalidInput(ParseTdQuote(bytes, "q"), "quote body of type 1");
  bytes = good;
  bytes[50] -= 1;
  ExpectInvalidInput(ParseTdQuote(bytes, "q"), "with 647 bytes, not 648");
}

TEST(TdQuoteTest, NestedLengthsMustFit) {
  const std::vector<uint8_t> good = ReadVector("quote_v4.bin");
  // Signature data, certification data, authentication data, certificates.
  const size_t certification = kSignatureSizeV4 + 4 + 128;
  const size_t authentication = certification + 6 + 384 + 64;
  const size_t certificates = authentication + 2 + 32;
  for (const size_t at : {kSignatureSizeV4, certification + 2, authentication, certificates + 2}) {
    for (const int change : {-1, 1, 0x80}) {
      std::vector<uint8_t> bytes = good;
      bytes[at] = static_cast<uint8_t>(bytes[at] + change);
      EXPECT_FALSE(ParseTdQuote(bytes, "q").has_value()) << at << " " << change;
    }
  }
  std::vector<uint8_t> bytes = good;
  bytes[certification] = 5;
  ExpectInvalidInput(ParseTdQuote(bytes, "q"), "certification data of type 5");
}

TEST(TdQuoteTest, WhatFollowsIsCounted) {
  EXPECT_EQ(Quote(ReadVector("quote_v4.bin")).trailing, 64u);
  EXPECT_EQ(Quote(ReadVector("quote_v5.bin")).trailing, 0u);
}

TEST(TdQuoteTest, SizeIsBounded) {
  const std::vector<uint8_t> bytes(kMaxTdQuoteSize + 1);
  ExpectInvalidInput(ParseTdQuote(bytes, "q"), "a quote has no more than 65536");
}

TEST(TdQuoteSignatureTest, HoldsToTheRoot) {
  for (const char* name : {"quote_v4.bin", "quote_v5.bin"}) {
    const auto verdict = CheckTdQuoteSignature(Quote(ReadVector(name)), Roots(), "q");
    ASSERT_TRUE(verdict.has_value()) << verdict.error().ToString();
    EXPECT_EQ(verdict->signer, "Test PCK");
    EXPECT_TRUE(verdict->chain_checked);
    EXPECT_FALSE(CheckTdQuoteSignature(Quote(ReadVector(name)), {}, "q")->chain_checked);
  }
}

TEST(TdQuoteSignatureTest, AnotherRootDoesNotVouch) {
  const auto roots = *ParseCertificates(ReadVector("snp_vcek.der"), "root");
  ExpectInvalidInput(CheckTdQuoteSignature(Quote(ReadVector("quote_v4.bin")), roots, "q"),
                     "q: certificate 'Test PCK': ");
}

TEST(TdQuoteSignatureTest, EveryChangedByteOfTheBodyIsSeen) {
  const std::vector<uint8_t> good = ReadVector("quote_v4.bin");
  for (size_t at = 8; at < kSignatureSizeV4; at += 7) {
    std::vector<uint8_t> bytes = good;
    bytes[at] ^= 1;
    ExpectInvalidInput(CheckTdQuoteSignature(Quote(bytes), {}, "q"),
                       "the attestation key did not sign this quote");
  }
}

TEST(TdQuoteSignatureTest, EachLinkIsLookedAt) {
  const std::vector<uint8_t> good = ReadVector("quote_v4.bin");
  const size_t signature = kSignatureSizeV4 + 4;
  const size_t qe_report = signature + 128 + 6;
  struct Case {
    size_t at;
    const char* error;
  };
  for (const auto& [at, error] :
       {Case{signature, "the attestation key did not sign"},
        Case{signature + 64, "the attestation key did not sign"},
        Case{qe_report, "did not sign the quoting enclave's report"},
        Case{qe_report + 320, "does not vouch for the attestation key"},
        Case{qe_report + 383, "does not vouch for the attestation key"},
        Case{qe_report + 384, "did not sign the quoting enclave's report"},
        Case{qe_report + 384 + 64 + 2, "does not vouch for the attestation key"},
        Case{qe_report + 384 + 64 + 2 + 32, "certificates of type 4"},
        Case{qe_report + 384 + 64 + 2 + 32 + 6, ""}}) {
    std::vector<uint8_t> bytes = good;
    bytes[at] ^= 1;
    ExpectInvalidInput(CheckTdQuoteSignature(Quote(bytes), Roots(), "q"), error);
  }
}

TEST(TdReportTest, FieldsAndHashes) {
  const auto report = ParseTdReport(ReadVector("tdreport.bin"), "r");
  ASSERT_TRUE(report.has_value());
  ExpectMeasurements(report->measurements);
  EXPECT_EQ(report->version, 1);
  EXPECT_EQ(report->measurements.mr_service_td, Filled<Sha384Digest>(0xa1));
  EXPECT_EQ(report->measurements.tee_tcb_svn_2, (Filled<std::array<uint8_t, 16>>(6)));
  EXPECT_TRUE(report->td_info_hash_holds);
  EXPECT_TRUE(report->tcb_info_hash_holds);
}

TEST(TdReportTest, ChangesAreSeen) {
  std::vector<uint8_t> bytes = ReadVector("tdreport.bin");
  bytes[1023] ^= 1;
  bytes[256 + 238] ^= 1;
  const auto report = ParseTdReport(bytes, "r");
  ASSERT_TRUE(report.has_value());
  EXPECT_FALSE(report->td_info_hash_holds);
  EXPECT_FALSE(report->tcb_info_hash_holds);
}

TEST(TdReportTest, RefusesOtherSizesAndTypes) {
  std::vector<uint8_t> bytes = ReadVector("tdreport.bin");
  bytes[0] = 0;
  ExpectInvalidInput(ParseTdReport(bytes, "r"), "r: report of type 0x0");
  bytes.pop_back();
  ExpectInvalidInput(ParseTdReport(bytes, "r"), "has 1024 bytes, this has 1023");
}

TEST(TdAttributesTest, InWords) {
  EXPECT_EQ(DescribeTdAttributes(0), "none");
  EXPECT_EQ(DescribeTdAttributes(1ull | 1ull << 63 | 1ull << 40),
            "DEBUG, PERFMON, unknown bits 0x10000000000");
  EXPECT_EQ(DescribeXfam(1ull << 5 | 1ull << 63),
            "AVX-512 in part, unknown bits 0x8000000000000000");
}

}  // namespace
}  // namespace sealvm::attestation
