// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/sev_metadata.h"

#include <gtest/gtest.h>

#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

Result<SevMetadata> Parse(const FirmwareBuilder& builder) {
  const FirmwareImage image = builder.Image();
  const auto table = OvmfTable::Parse(image);
  EXPECT_TRUE(table.has_value());
  return ParseSevMetadata(image, *table);
}

TEST(SevMetadata, TakesTheTablesEntriesAndTheSectionsInOrder) {
  const auto metadata = Parse({});

  ASSERT_TRUE(metadata.has_value()) << metadata.error().ToString();
  EXPECT_EQ(metadata->ap_reset_eip, 0x0080b004u);
  EXPECT_EQ(metadata->secret_area->gpa, 0x810000u);
  EXPECT_EQ(metadata->hash_area->gpa, 0x810c00u);
  EXPECT_EQ(metadata->hash_area->size, 0x400u);
  ASSERT_TRUE(metadata->sections.has_value());
  ASSERT_EQ(metadata->sections->size(), 6u);
  EXPECT_EQ((*metadata->sections)[0].size, 0x9000u);
  EXPECT_EQ((*metadata->sections)[5].type, SevSectionType::kKernelHashes);
}

TEST(SevMetadata, NothingOfItMustBeThere) {
  const auto metadata = Parse(
      {.reset_eip = {}, .secret_area = {}, .hash_area = {}, .has_sev = false, .has_tdx = false});

  ASSERT_TRUE(metadata.has_value());
  EXPECT_FALSE(metadata->ap_reset_eip || metadata->secret_area || metadata->hash_area);
  EXPECT_FALSE(metadata->sections.has_value());
}

// As in Debian's OVMF.inteltdx.ms.fd.
TEST(SevMetadata, TakesEmptySections) {
  const auto metadata =
      Parse({.hash_area = SevArea{},
             .sev_sections = {{.gpa = 0, .size = 0, .type = SevSectionType::kSvsmCaa},
                              {.gpa = 0, .size = 0, .type = SevSectionType::kSecMem},
                              {.gpa = 0x800000, .size = 0x1000, .type = {}}}});

  ASSERT_TRUE(metadata.has_value()) << metadata.error().ToString();
  EXPECT_EQ(metadata->sections->size(), 3u);
  EXPECT_TRUE(metadata->hash_area->empty());
}

TEST(SevMetadata, TakesTypesItDoesNotKnow) {
  const auto metadata = Parse(
      {.sev_sections = {{.gpa = 0x1000, .size = 0x1000, .type = static_cast<SevSectionType>(77)}}});

  ASSERT_TRUE(metadata.has_value());
  EXPECT_EQ(SevSectionTypeName(metadata->sections->front().type), "type 77");
}

TEST(SevMetadata, RefusesADamagedHeader) {
  ExpectInvalidInput(Parse({.sev_signature = 0x41534556}), "no signature 'ASEV'");
  ExpectInvalidInput(Parse({.sev_version = 2}), "version 2");
  ExpectInvalidInput(Parse({.sev_length = 15}), "do not fit");
  ExpectInvalidInput(Parse({.sev_length = 16 + 12 * 6 - 1}), "do not fit");
  ExpectInvalidInput(Parse({.sev_length = 0xffffffff}), "do not fit");
  ExpectInvalidInput(Parse({.sev_count = 7}), "do not fit");
  ExpectInvalidInput(Parse({.sev_count = 0xffffffff}), "do not fit");
}

TEST(SevMetadata, RefusesAnOffsetOutOfTheFile) {
  ExpectInvalidInput(Parse({.sev_offset = 0}), "no signature");
  ExpectInvalidInput(Parse({.sev_offset = 4}), "no signature");
  ExpectInvalidInput(Parse({.sev_offset = 0x4004}), "outside the file");
  ExpectInvalidInput(Parse({.sev_offset = 0xffffffff}), "outside the file");
}

TEST(SevMetadata, RefusesSectionsThatDoNotFit) {
  const auto section = [](uint32_t gpa, uint32_t size) {
    return Parse({.sev_sections = {{.gpa = 0x2000, .size = 0x2000, .type = SevSectionType::kSecMem},
                                   {.gpa = gpa, .size = size, .type = SevSectionType::kSecMem}}});
  };
  ExpectInvalidInput(section(0x5001, 0x1000), "not page aligned");
  ExpectInvalidInput(section(0x5000, 0x1001), "not page aligned");
  ExpectInvalidInput(section(0x1000, 0x2000), "overlaps");
  ExpectInvalidInput(section(0x3000, 0x1000), "overlaps");
  ExpectInvalidInput(section(0x2000, 0x1000), "overlaps");
  ExpectInvalidInput(section(0xfffff000, 0x2000), "does not end below the image");
  ExpectInvalidInput(section(0xffffb000, 0x2000), "does not end below the image");
  ExpectInvalidInput(section(0x1000, 0xfffff000), "does not end below the image");
  EXPECT_TRUE(section(0x1000, 0x1000).has_value());
  EXPECT_TRUE(section(0x4000, 0x1000).has_value());
  EXPECT_TRUE(section(0xffffb000, 0x1000).has_value());
}

TEST(SevMetadata, RefusesEntriesThatAreTooShort) {
  for (const Guid& guid : {kSevEsResetBlockGuid, kSevSecretBlockGuid, kSevHashTableBlockGuid,
                           kSevMetadataOffsetGuid}) {
    ExpectInvalidInput(Parse({.reset_eip = {},
                              .secret_area = {},
                              .hash_area = {},
                              .has_sev = false,
                              .more_entries = {{guid, {1, 2, 3}}}}),
                       "too short");
  }
}

}  // namespace
}  // namespace sealvm
