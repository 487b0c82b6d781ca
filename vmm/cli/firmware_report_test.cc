// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/firmware_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

FirmwareFacts Facts() {
  FirmwareFacts facts;
  facts.path = "OVMF.fd";
  facts.size = 0x4000;
  facts.base = 0xffffc000;
  facts.has_table = true;
  facts.table = {{.guid = "00f771de", .name = "SEV-ES reset block", .size = 4}};
  facts.sev = SevMetadata{
      .ap_reset_eip = 0x80b004,
      .secret_area = SevArea{},
      .hash_area = SevArea{.gpa = 0x810c00, .size = 0x400},
      .sections = {{{.gpa = 0x80e000, .size = 0x1000, .type = SevSectionType::kCpuid}}}};
  facts.tdx = TdxMetadata{{{.file_offset = 0x1000,
                            .file_size = 0x3000,
                            .gpa = 0xffffd000,
                            .memory_size = 0x3000,
                            .type = TdxSectionType::kBfv,
                            .attributes = TdxSection::kExtendMr}}};
  facts.enforcement = {HashEnforcement::kNo, "it does not"};
  facts.modes = {{.name = "snp", .supported = true, .reason = ""},
                 {.name = "tdx", .supported = false, .reason = "no reason"}};
  facts.digests = {{"SHA-256 of the file", "abcd"}};
  return facts;
}

TEST(FirmwareReport, TextHasALineForEachFact) {
  const std::string text = FirmwareText(Facts());

  for (const char* line : {"file                OVMF.fd\n",
                           "format              firmware, 16384 bytes at 0xffffc000\n",
                           "table entry         00f771de SEV-ES reset block, 4 bytes\n",
                           "AP reset address    0x80b004\n", "secret area         none\n",
                           "kernel hash area    0x810c00, 0x400 bytes\n",
                           "SEV section         0x80e000, 0x1000 bytes, CPUID\n",
                           "TDX section         0xffffd000, 0x3000 bytes, BFV, in the file 0x1000, "
                           "0x3000 bytes, added, measured\n",
                           "mode snp            yes\n", "mode tdx            no: no reason\n",
                           "enforces hashes     no: it does not\n",
                           "digest              abcd SHA-256 of the file\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(FirmwareReport, TextSaysWhatIsMissing) {
  FirmwareFacts facts = Facts();
  facts.has_table = false;
  facts.table.clear();
  facts.sev.reset();
  facts.sev_error = "sev is damaged";
  facts.tdx.reset();
  const std::string text = FirmwareText(facts);

  EXPECT_THAT(text, HasSubstr("OVMF table          none\n"));
  EXPECT_THAT(text, HasSubstr("SEV metadata        sev is damaged\n"));
  EXPECT_THAT(text, HasSubstr("TDX sections        none\n"));
  facts.tdx_error = "tdx is damaged";
  EXPECT_THAT(FirmwareText(facts), HasSubstr("TDX sections        tdx is damaged\n"));
}

TEST(FirmwareReport, JsonHasTheSame) {
  const std::string json = FirmwareJson(Facts());

  for (const char* part :
       {"\"path\": \"OVMF.fd\"", "\"format\": \"firmware\"", "\"ap_reset_eip\": 8433668",
        "\"secret_area\": null", "\"type\": \"CPUID\"", "\"measured\": true", "\"answer\": \"no\"",
        "\"SHA-256 of the file\": \"abcd\""}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
  EXPECT_THAT(json, Not(HasSubstr("error")));
}

TEST(FirmwareReport, JsonSaysWhatIsMissing) {
  FirmwareFacts facts = Facts();
  facts.has_table = false;
  facts.sev.reset();
  facts.sev_error = "sev is damaged";
  facts.tdx.reset();
  facts.tdx_error = "tdx is damaged";
  const std::string json = FirmwareJson(facts);

  EXPECT_THAT(json, HasSubstr("\"table\": null"));
  EXPECT_THAT(json, HasSubstr("\"sev_error\": \"sev is damaged\""));
  EXPECT_THAT(json, HasSubstr("\"tdx_error\": \"tdx is damaged\""));
}

}  // namespace
}  // namespace sealvm
