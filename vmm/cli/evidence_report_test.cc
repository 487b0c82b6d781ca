// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/evidence_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/boot/testing/boot_fixture.h"
#include "vmm/boot/testing/expect_error.h"
#include "vmm/cli/evidence_file.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm {
namespace {

using attestation::ParseEvidence;
using attestation::ReadVector;
using attestation::VectorPath;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Text(const std::string& name) {
  return EvidenceText(name, *ParseEvidence(ReadVector(name), name));
}

std::string Json(const std::string& name) {
  return EvidenceJson(name, *ParseEvidence(ReadVector(name), name));
}

TEST(EvidenceTextTest, SnpReport) {
  const std::string text = Text("snp_v5.bin");
  for (const char* part :
       {"format              SNP attestation report", "measurement         909192",
        "policy              0xb0133 (ABI 1.51, SMT allowed, debugging allowed)",
        "(FMC 1, boot loader 2, TEE 3, SNP 4, microcode 79)", "family 0x1a, model 0x2",
        "signing key         VCEK", "firmware            1.58.8", "current mitigations 0x7"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(Text("snp_v2.bin"), Not(HasSubstr("mitigations")));
}

TEST(EvidenceTextTest, QuoteAndReportOfATd) {
  for (const char* name : {"quote_v5.bin", "tdreport.bin"}) {
    const std::string text = Text(name);
    for (const char* part :
         {"MRTD                414243", "attributes          0x10000000 (SEPT_VE_DISABLE)",
          "XFAM                0x600e7 (x87, SSE, AVX, AVX-512, AMX)", "RTMR3", "MRSERVICETD"}) {
      EXPECT_THAT(text, HasSubstr(part)) << name;
    }
  }
  EXPECT_THAT(Text("quote_v4.bin"), HasSubstr("certificate 0       Test PCK\n"));
  EXPECT_THAT(Text("tdreport.bin"), HasSubstr("TDINFO hash holds   yes"));
}

TEST(EvidenceTextTest, EventsWithTheirRegisters) {
  const std::string text = Text("ccel.bin");
  for (const char* part :
       {"events              9", "RTMR0 after it", "EV_EFI_ACTION (digest of its data)",
        "40 bytes: Exit Boot Services Returned with Success", "LOADED_IMAGE::LoadOptions"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(EvidenceJsonTest, KeysAndWords) {
  const std::string json = Json("snp_v3.bin");
  EXPECT_THAT(json, HasSubstr("\"policy\": \"0xb0133\""));
  EXPECT_THAT(json, HasSubstr("\"policy_words\": \"ABI 1.51"));
  EXPECT_THAT(Json("ccel.bin"), HasSubstr("\"type\": \"EV_SEPARATOR\""));
  EXPECT_THAT(Json("quote_v4.bin"), HasSubstr("\"mrtd\": \"414243"));
}

TEST(EvidenceFileTest, ReadsEvidenceAndLeavesOthers) {
  const auto report = ReadEvidence(VectorPath("snp_v2.bin"));
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(report->has_value());
  const auto other = ReadEvidence(VectorPath("id_key.pem"));
  ASSERT_TRUE(other.has_value());
  EXPECT_FALSE(other->has_value());
}

TEST(EvidenceFileTest, DamagedEvidenceIsAnError) {
  std::vector<uint8_t> bytes = ReadVector("quote_v4.bin");
  bytes.resize(1000);
  const TemporaryFile file(bytes);
  ExpectInvalidInput(ReadEvidence(file.path()), "cut off: signature data");
}

TEST(EvidenceFileTest, SizeIsBounded) {
  const TemporaryFile file(std::vector<uint8_t>(101));
  ExpectInvalidInput(ReadWholeFile(file.path(), "--cert", 100),
                     "--cert " + file.path() + ": has 101");
  EXPECT_EQ(ReadWholeFile(file.path(), "--cert", 101)->size(), 101u);
}

}  // namespace
}  // namespace sealvm
