// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/snp_report.h"

#include <gtest/gtest.h>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/isolation/attestation/snp_report_check.h"
#include "vmm/isolation/attestation/testing_vectors.h"

namespace sealvm::attestation {
namespace {

std::vector<Certificate> Certificates(const std::string& name) {
  return *ParseCertificates(ReadVector(name), name);
}

SnpReport Report(const std::vector<uint8_t>& bytes) { return *ParseSnpReport(bytes, "report"); }

TEST(SnpReportTest, FieldsOfVersion2) {
  const SnpReport report = Report(ReadVector("snp_v2.bin"));
  EXPECT_EQ(report.version, 2u);
  EXPECT_EQ(report.guest_svn, 7u);
  EXPECT_EQ(report.policy, 0xb0133u);
  EXPECT_EQ(report.vmpl, 1u);
  EXPECT_EQ(report.family_id, (Filled<std::array<uint8_t, 16>>(0x10)));
  EXPECT_EQ(report.image_id, (Filled<std::array<uint8_t, 16>>(0x20)));
  EXPECT_EQ(report.report_data, (Filled<std::array<uint8_t, 64>>(0x50)));
  EXPECT_EQ(report.measurement, Filled<Sha384Digest>(0x90));
  EXPECT_EQ(report.host_data, (Filled<std::array<uint8_t, 32>>(0xc0)));
  EXPECT_EQ(report.id_key_digest, Filled<Sha384Digest>(0xe0));
  EXPECT_EQ(report.author_key_digest, Filled<Sha384Digest>(0x11));
  EXPECT_EQ(report.report_id, (Filled<std::array<uint8_t, 32>>(0x14)));
  EXPECT_EQ(report.chip_id, (Filled<std::array<uint8_t, 64>>(1)));
  EXPECT_TRUE(report.author_key_enabled);
  EXPECT_FALSE(report.chip_key_masked);
  EXPECT_EQ(SnpSigningKeyName(report.signing_key), "VCEK");
  EXPECT_EQ(report.current, (SnpFirmwareVersion{1, 58, 8}));
  EXPECT_EQ(report.committed, (SnpFirmwareVersion{1, 55, 4}));
  EXPECT_FALSE(report.cpuid.has_value());
  EXPECT_EQ(DescribeSnpTcb(report.Tcb(report.reported_tcb)),
            "boot loader 3, TEE 0, SNP 20, microcode 209");
  EXPECT_EQ(DescribeSnpPlatformInfo(report.platform_info), "SMT on, alias check done");
}

TEST(SnpReportTest, Version3NamesTheCpu) {
  const SnpReport report = Report(ReadVector("snp_v3.bin"));
  EXPECT_EQ(report.cpuid, (SnpCpuid{0x19, 0x11, 1}));
  EXPECT_FALSE(report.HasFmc());
  EXPECT_FALSE(report.launch_mit_vector.has_value());
}

TEST(SnpReportTest, Version5OfTurin) {
  const SnpReport report = Report(ReadVector("snp_v5.bin"));
  EXPECT_EQ(report.launch_mit_vector, 3u);
  EXPECT_EQ(report.current_mit_vector, 7u);
  EXPECT_EQ(DescribeSnpTcb(report.Tcb(report.launch_tcb)),
            "FMC 1, boot loader 2, TEE 3, SNP 4, microcode 79");
}

TEST(SnpReportTest, RefusesOtherSizesAndVersions) {
  std::vector<uint8_t> bytes = ReadVector("snp_v2.bin");
  for (const uint8_t version : {0, 1, 6, 255}) {
    bytes[0] = version;
    ExpectInvalidInput(ParseSnpReport(bytes, "r.bin"), "r.bin: SNP report of version");
  }
  bytes.push_back(0);
  ExpectInvalidInput(ParseSnpReport(bytes, "r.bin"), "has 1184 bytes, this has 1185");
  ExpectInvalidInput(ParseSnpReport({}, "r.bin"), "this has 0");
}

TEST(SnpSignatureTest, HoldsWithTheChain) {
  for (const char* name : {"snp_v2.bin", "snp_v3.bin"}) {
    const auto verdict =
        CheckSnpReportSignature(Report(ReadVector(name)), Certificates("snp_chain.pem"), "r");
    ASSERT_TRUE(verdict.has_value()) << verdict.error().ToString();
    EXPECT_EQ(verdict->signer, "SEV-VCEK");
    EXPECT_TRUE(verdict->chain_checked);
    EXPECT_TRUE(verdict->root.starts_with("ARK-Test, SHA-256 "));
  }
}

TEST(SnpSignatureTest, WithoutRootNobodyVouches) {
  const auto verdict =
      CheckSnpReportSignature(Report(ReadVector("snp_v2.bin")), Certificates("snp_vcek.der"), "r");
  ASSERT_TRUE(verdict.has_value()) << verdict.error().ToString();
  EXPECT_FALSE(verdict->chain_checked);
}

TEST(SnpSignatureTest, TurinsChipIdIsShort) {
  const auto verdict = CheckSnpReportSignature(Report(ReadVector("snp_v5.bin")),
                                               Certificates("snp_v5_vcek.pem"), "r");
  EXPECT_TRUE(verdict.has_value()) << verdict.error().ToString();
}

TEST(SnpSignatureTest, EveryChangedByteIsSeen) {
  const std::vector<uint8_t> good = ReadVector("snp_v2.bin");
  const std::vector<Certificate> certificates = Certificates("snp_vcek.der");
  // A prime step: all fields, and not a minute of signatures.
  for (size_t at = 4; at < 0x2a0 + 144; at += 13) {
    std::vector<uint8_t> bytes = good;
    bytes[at] ^= 0x10;
    EXPECT_FALSE(CheckSnpReportSignature(Report(bytes), certificates, "r").has_value()) << at;
  }
}

TEST(SnpSignatureTest, CertificateOfAnotherMachine) {
  ExpectInvalidInput(CheckSnpReportSignature(Report(ReadVector("snp_v2.bin")),
                                             Certificates("snp_v5_vcek.pem"), "r"),
                     "certificate 'SEV-VCEK' did not sign this report");
}

TEST(SnpSignatureTest, UnsignedReport) {
  std::vector<uint8_t> bytes = ReadVector("snp_v2.bin");
  bytes[0x34] = 0;
  ExpectInvalidInput(CheckSnpReportSignature(Report(bytes), Certificates("snp_vcek.der"), "r"),
                     "signed with algorithm 0");
}

TEST(SnpSignatureTest, TcbAndChipMustBeTheCertificates) {
  // Fields that are looked at besides the signature, in a report that was parsed and then changed:
  // the signature is over the bytes and still holds.
  const std::vector<Certificate> certificates = Certificates("snp_vcek.der");
  SnpReport report = Report(ReadVector("snp_v2.bin"));
  report.reported_tcb += 1ull << 48;
  ExpectInvalidInput(CheckSnpReportSignature(report, certificates, "r"),
                     "r: reported SNP version: 20 expected by the certificate, found 21");
  report = Report(ReadVector("snp_v2.bin"));
  report.chip_id[5] ^= 1;
  ExpectInvalidInput(CheckSnpReportSignature(report, certificates, "r"), "of another chip");
}

TEST(SnpSignatureTest, BrokenChain) {
  std::vector<Certificate> certificates = Certificates("snp_chain.pem");
  certificates.erase(certificates.begin() + 1);  // the ASK
  ExpectInvalidInput(CheckSnpReportSignature(Report(ReadVector("snp_v2.bin")), certificates, "r"),
                     "certificate 'SEV-VCEK': unable to get local issuer certificate");
}

TEST(CertificateTest, RefusesWhatIsNone) {
  ExpectInvalidInput(ParseCertificates({}, "--cert c"), "--cert c: holds no X.509");
  ExpectInvalidInput(ParseCertificates(ReadVector("id_key.pem"), "--cert c"), "holds no X.509");
  std::vector<uint8_t> many;
  const std::vector<uint8_t> one = ReadVector("tdx_root.pem");
  for (size_t i = 0; i <= kMaxCertificates; ++i) many.insert(many.end(), one.begin(), one.end());
  ExpectInvalidInput(ParseCertificates(many, "--cert c"), "more than 16 certificates");
}

}  // namespace
}  // namespace sealvm::attestation
