// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/evidence_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

using ::testing::HasSubstr;

Evidence Read(const std::string& name) { return *ParseEvidence(ReadVector(name), name); }

std::vector<Certificate> Certificates(const std::string& name) {
  return *ParseCertificates(ReadVector(name), name);
}

// All that the SNP vectors hold.
Expectations SnpExpectations() {
  Expectations expected;
  expected.measurement = Filled<Sha384Digest>(0x90);
  expected.report_data = Filled<std::array<uint8_t, 64>>(0x50);
  expected.policy = 0xb0133;
  expected.host_data = Filled<std::array<uint8_t, 32>>(0xc0);
  expected.id_key_digest = Filled<Sha384Digest>(0xe0);
  expected.author_key_digest = Filled<Sha384Digest>(0x11);
  expected.vmpl = 1;
  expected.minimum_tcb = 3 | 20ull << 48 | 209ull << 56;
  return expected;
}

Expectations TdExpectations() {
  Expectations expected;
  expected.measurement = Filled<Sha384Digest>(0x41);
  expected.report_data = Filled<std::array<uint8_t, 64>>(0x81);
  expected.td_attributes = 1ull << 28;
  expected.xfam = 0x600e7;
  expected.mr_config_id = Filled<Sha384Digest>(0x51);
  expected.mr_owner = Filled<Sha384Digest>(0x61);
  expected.mr_owner_config = Filled<Sha384Digest>(0x71);
  return expected;
}

// The fields that differ.
std::vector<std::string> Differing(const Evidence& evidence, const Expectations& expected,
                                   const EventLog* log = nullptr) {
  const auto checked = CheckEvidence(evidence, expected, {}, log, "e");
  if (!checked) return {checked.error().message};
  std::vector<std::string> out;
  for (const FieldCheck& check : checked->checks) {
    if (!check.holds) out.push_back(check.field);
  }
  return out;
}

using Fields = std::vector<std::string>;

TEST(RecognizeTest, EachKindByItsStart) {
  EXPECT_EQ(Read("snp_v2.bin").index(), 0u);
  EXPECT_EQ(Read("tdreport.bin").index(), 1u);
  EXPECT_EQ(Read("quote_v4.bin").index(), 2u);
  EXPECT_EQ(Read("quote_v5.bin").index(), 2u);
  EXPECT_EQ(Read("ccel.bin").index(), 3u);
}

TEST(RecognizeTest, OtherFilesAreNone) {
  for (const char* name : {"id_key.pem", "id_auth.bin", "snp_vcek.der"}) {
    const std::vector<uint8_t> bytes = ReadVector(name);
    EXPECT_FALSE(RecognizeEvidence(bytes, bytes.size()).has_value()) << name;
    ExpectInvalidInput(ParseEvidence(bytes, "e"), "e: is no SNP report");
  }
  EXPECT_FALSE(RecognizeEvidence({}, 0).has_value());
  EXPECT_FALSE(RecognizeEvidence(std::vector<uint8_t>(1184), 1184).has_value());
}

TEST(CheckSnpTest, AllFieldsAndTheSignatureHold) {
  const auto checked = CheckEvidence(Read("snp_v2.bin"), SnpExpectations(),
                                     Certificates("snp_chain.pem"), nullptr, "e");
  ASSERT_TRUE(checked.has_value()) << checked.error().ToString();
  EXPECT_TRUE(checked->holds());
  EXPECT_EQ(checked->checks.size(), 9u);
  EXPECT_THAT(checked->warnings.at(0), HasSubstr("as trustworthy as this root: ARK-Test"));
}

TEST(CheckSnpTest, EachFieldIsNamed) {
  const Evidence report = Read("snp_v2.bin");
  Expectations expected = SnpExpectations();
  expected.measurement->back() ^= 1;
  EXPECT_EQ(Differing(report, expected), Fields{"measurement"});
  expected = SnpExpectations();
  expected.policy = 0x30000;
  EXPECT_EQ(Differing(report, expected), Fields{"policy"});
  expected = SnpExpectations();
  expected.report_data->back() ^= 1;
  EXPECT_EQ(Differing(report, expected), Fields{"report data"});
  expected = SnpExpectations();
  expected.host_data->front() ^= 1;
  EXPECT_EQ(Differing(report, expected), Fields{"host data"});
  expected = SnpExpectations();
  expected.id_key_digest->front() ^= 1;
  EXPECT_EQ(Differing(report, expected), Fields{"ID key digest"});
  expected = SnpExpectations();
  expected.author_key_digest->front() ^= 1;
  EXPECT_EQ(Differing(report, expected), Fields{"author key digest"});
  expected = SnpExpectations();
  expected.vmpl = 0;
  EXPECT_EQ(Differing(report, expected), Fields{"VMPL"});
}

TEST(CheckSnpTest, TcbPartByPart) {
  const Evidence report = Read("snp_v2.bin");
  for (const unsigned part : {0u, 8u, 48u, 56u}) {
    Expectations expected = SnpExpectations();
    *expected.minimum_tcb += 1ull << part;
    EXPECT_EQ(Differing(report, expected), Fields{"reported TCB"}) << part;
  }
  Expectations expected = SnpExpectations();
  expected.minimum_tcb = 1;
  EXPECT_EQ(Differing(report, expected), Fields{});
}

TEST(CheckSnpTest, DebuggingFailsUnlessExpected) {
  Expectations expected = SnpExpectations();
  expected.policy.reset();
  EXPECT_EQ(Differing(Read("snp_v2.bin"), expected), Fields{"policy"});
}

TEST(CheckSnpTest, BadSignatureIsADifference) {
  std::vector<uint8_t> bytes = ReadVector("snp_v2.bin");
  bytes[0x2a0] ^= 1;
  const auto checked = CheckEvidence(*ParseEvidence(bytes, "e"), SnpExpectations(),
                                     Certificates("snp_chain.pem"), nullptr, "e");
  ASSERT_TRUE(checked.has_value());
  EXPECT_FALSE(checked->holds());
  EXPECT_EQ(checked->checks.back().field, "signature");
}

TEST(CheckSnpTest, WithoutCertificateANoteSaysSo) {
  const auto checked = CheckEvidence(Read("snp_v2.bin"), SnpExpectations(), {}, nullptr, "e");
  ASSERT_TRUE(checked.has_value());
  EXPECT_THAT(checked->warnings.at(0), HasSubstr("the signature was not checked"));
}

TEST(CheckTdTest, QuoteAndLogHold) {
  const EventLog log = std::get<EventLog>(Read("ccel.bin"));
  for (const char* name : {"quote_v4.bin", "quote_v5.bin"}) {
    const auto checked =
        CheckEvidence(Read(name), TdExpectations(), Certificates("tdx_root.pem"), &log, "e");
    ASSERT_TRUE(checked.has_value()) << checked.error().ToString();
    EXPECT_TRUE(checked->holds());
    EXPECT_EQ(checked->checks.size(), 12u);
  }
}

TEST(CheckTdTest, EachFieldIsNamed) {
  const Evidence quote = Read("quote_v4.bin");
  Expectations expected = TdExpectations();
  expected.measurement->front() ^= 1;
  EXPECT_EQ(Differing(quote, expected), Fields{"MRTD"});
  expected = TdExpectations();
  expected.td_attributes = 0;
  EXPECT_EQ(Differing(quote, expected), Fields{"attributes"});
  expected = TdExpectations();
  expected.xfam = 3;
  EXPECT_EQ(Differing(quote, expected), Fields{"XFAM"});
  expected = TdExpectations();
  expected.mr_config_id->front() ^= 1;
  EXPECT_EQ(Differing(quote, expected), Fields{"MRCONFIGID"});
  expected = TdExpectations();
  expected.mr_owner->front() ^= 1;
  EXPECT_EQ(Differing(quote, expected), Fields{"MROWNER"});
  expected = TdExpectations();
  expected.mr_owner_config->front() ^= 1;
  EXPECT_EQ(Differing(quote, expected), Fields{"MROWNERCONFIG"});
}

TEST(CheckTdTest, ChangedLogNamesTheRegister) {
  EventLog log = std::get<EventLog>(Read("ccel.bin"));
  log.events.back().digest[0] ^= 1;
  EXPECT_EQ(Differing(Read("quote_v4.bin"), TdExpectations(), &log), Fields{"RTMR3"});
}

TEST(CheckTdTest, DebugTdFailsUnlessExpected) {
  TdReport report = std::get<TdReport>(Read("tdreport.bin"));
  report.measurements.attributes |= 1;
  Expectations expected = TdExpectations();
  expected.td_attributes.reset();
  EXPECT_EQ(Differing(report, expected), Fields{"attributes"});
}

TEST(CheckTdTest, ReportMustAgreeWithItself) {
  std::vector<uint8_t> bytes = ReadVector("tdreport.bin");
  bytes[1023] ^= 1;
  EXPECT_EQ(Differing(*ParseEvidence(bytes, "e"), TdExpectations()), Fields{"TEE_INFO_HASH"});
}

TEST(CheckEvidenceTest, OptionsOfTheOtherTechnology) {
  ExpectInvalidInput(CheckEvidence(Read("snp_v2.bin"), TdExpectations(), {}, nullptr, "e"),
                     "e: is an SNP report, which has no TD attributes");
  ExpectInvalidInput(CheckEvidence(Read("quote_v4.bin"), SnpExpectations(), {}, nullptr, "e"),
                     "e: is of a TD, which has no SNP policy");
  const EventLog log = std::get<EventLog>(Read("ccel.bin"));
  ExpectInvalidInput(CheckEvidence(Read("snp_v2.bin"), {}, {}, &log, "e"), "no RTMRs");
  ExpectInvalidInput(
      CheckEvidence(Read("tdreport.bin"), {}, Certificates("tdx_root.pem"), nullptr, "e"),
      "ask for a quote");
  ExpectInvalidInput(CheckEvidence(Read("ccel.bin"), {}, {}, nullptr, "e"),
                     "e: is an event log, not a report");
}

}  // namespace
}  // namespace sealvm::attestation
