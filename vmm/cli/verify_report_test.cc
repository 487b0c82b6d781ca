// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/verify_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/expect_error.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm {
namespace {

using attestation::Filled;
using attestation::VectorPath;
using ::testing::HasSubstr;

Sha384Digest SnpDigest() { return Filled<Sha384Digest>(0x90); }

VerifyRequest SnpRequest() {
  return {.path = VectorPath("snp_v2.bin"),
          .cert = VectorPath("snp_chain.pem"),
          .report_data = HexText(Filled<std::array<uint8_t, 64>>(0x50)),
          .host_data = HexText(Filled<std::array<uint8_t, 32>>(0xc0)),
          .report_policy = "0xb0133",
          .vmpl = "1"};
}

VerifyRequest TdRequest() {
  return {.path = VectorPath("quote_v4.bin"),
          .event_log = VectorPath("ccel.bin"),
          .cert = VectorPath("tdx_root.pem"),
          .td_attributes = "0x10000000",
          .mrowner = HexText(Filled<Sha384Digest>(0x61))};
}

TEST(VerifyReportTest, SnpReportHolds) {
  const auto checked = VerifyReport(SnpRequest(), SnpDigest());
  ASSERT_TRUE(checked.has_value()) << checked.error().ToString();
  EXPECT_TRUE(checked->holds());
  EXPECT_THAT(VerifyText(*checked), HasSubstr("ok       measurement: 909192"));
  EXPECT_THAT(VerifyText(*checked), HasSubstr("ok       signature: by SEV-VCEK"));
  EXPECT_THAT(VerifyJson(*checked, SnpDigest()), HasSubstr("\"holds\": true"));
  EXPECT_THAT(VerifyJson(*checked, SnpDigest()), HasSubstr("\"digest\": \"909192"));
}

TEST(VerifyReportTest, AnotherTechnologysReportIsNone) {
  VerifyRequest snp = SnpRequest();
  snp.isolation = IsolationMode::kTdx;
  ExpectInvalidInput(VerifyReport(snp, SnpDigest()), "is of an SNP guest, and --isolation is tdx");
  snp.isolation = IsolationMode::kSnp;
  EXPECT_TRUE(VerifyReport(snp, SnpDigest()).has_value());
  VerifyRequest td = TdRequest();
  td.isolation = IsolationMode::kSnp;
  ExpectInvalidInput(VerifyReport(td, Filled<Sha384Digest>(0x41)), "is of a TD");
}

TEST(VerifyReportTest, QuoteHolds) {
  const auto checked = VerifyReport(TdRequest(), Filled<Sha384Digest>(0x41));
  ASSERT_TRUE(checked.has_value()) << checked.error().ToString();
  EXPECT_TRUE(checked->holds());
  EXPECT_THAT(VerifyText(*checked), HasSubstr("ok       RTMR2: "));
}

TEST(VerifyReportTest, DifferenceNamesFieldExpectedAndFound) {
  const auto checked = VerifyReport(SnpRequest(), Filled<Sha384Digest>(0x91));
  ASSERT_TRUE(checked.has_value());
  EXPECT_FALSE(checked->holds());
  EXPECT_THAT(VerifyText(*checked), HasSubstr("DIFFERS  measurement: expected 919293"));
  EXPECT_THAT(VerifyText(*checked), HasSubstr(", found 909192"));
}

TEST(VerifyReportTest, ExitCodes) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const auto code = [](const VerifyRequest& request, const Sha384Digest& digest) {
    return ReportVerdict(request, VerifyReport(request, digest), digest);
  };
  EXPECT_EQ(code(SnpRequest(), SnpDigest()), 0);
  EXPECT_EQ(code(SnpRequest(), Filled<Sha384Digest>(0x91)), 1);
  EXPECT_EQ(code({.path = "/nonexistent"}, SnpDigest()), 2);
  testing::internal::GetCapturedStdout();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              HasSubstr("snp_v2.bin: measurement: expected 919293"));
}

TEST(VerifyReportTest, BadOptionsAreNamed) {
  struct Case {
    std::string VerifyRequest::*option;
    const char* text;
    const char* error;
  };
  for (const auto& [option, text, error] :
       {Case{&VerifyRequest::report_data, "abc", "--report-data: 3 hexadecimal digits"},
        Case{&VerifyRequest::host_data, "zz", "--host-data: 'zz' is not hexadecimal"},
        Case{&VerifyRequest::report_policy, "x", "--report-policy: 'x' is no number"},
        Case{&VerifyRequest::id_key_digest, "ab", "--id-key-digest: 2 hexadecimal digits"},
        Case{&VerifyRequest::author_key_digest, "ab", "--author-key-digest: 2"},
        Case{&VerifyRequest::vmpl, "0x100000000", "--vmpl: 4294967296 is too large"},
        Case{&VerifyRequest::minimum_tcb, "-1", "--minimum-tcb: '-1'"},
        Case{&VerifyRequest::mrowner, "g0", "--mrowner: 'g0'"},
        Case{&VerifyRequest::xfam, "3", "has no TD attributes, XFAM"},
        Case{&VerifyRequest::cert, "/nonexistent", "--cert /nonexistent: cannot open"},
        Case{&VerifyRequest::event_log, "/nonexistent", "--event-log /nonexistent: cannot open"},
        Case{&VerifyRequest::path, "/nonexistent", "--verify /nonexistent: cannot open"}}) {
    VerifyRequest request = SnpRequest();
    request.*option = text;
    ExpectInvalidInput(VerifyReport(request, SnpDigest()), error);
  }
}

TEST(VerifyReportTest, ShortReportDataIsPadded) {
  VerifyRequest request = SnpRequest();
  request.report_data = "5051";
  EXPECT_FALSE(VerifyReport(request, SnpDigest())->holds());
  request.report_data.clear();
  EXPECT_TRUE(VerifyReport(request, SnpDigest())->holds());
}

TEST(VerifyReportTest, DigestOfSevHasNoReport) {
  const std::array<uint8_t, 32> digest = {};
  ExpectInvalidInput(VerifyReport(SnpRequest(), digest), "is of SEV or SEV-ES");
}

TEST(VerifyReportTest, FilesThatAreSomethingElse) {
  VerifyRequest request = TdRequest();
  request.path = VectorPath("ccel.bin");
  ExpectInvalidInput(VerifyReport(request, {}), "is an event log, not a report");
  request = TdRequest();
  request.event_log = VectorPath("id_key.pem");
  ExpectInvalidInput(VerifyReport(request, {}), "is no crypto-agile event log");
  request = TdRequest();
  request.cert = VectorPath("ccel.bin");
  ExpectInvalidInput(VerifyReport(request, {}), "holds no X.509 certificate");
}

}  // namespace
}  // namespace sealvm
