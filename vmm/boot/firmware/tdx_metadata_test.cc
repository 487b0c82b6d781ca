// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/tdx_metadata.h"

#include <gtest/gtest.h>

#include "memory/base/endian.h"
#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

Result<std::optional<TdxMetadata>> Parse(const FirmwareBuilder& builder) {
  const FirmwareImage image = builder.Image();
  const auto table = OvmfTable::Parse(image);
  EXPECT_TRUE(table.has_value());
  return ParseTdxMetadata(image, *table);
}

// The builder's sections, the first of them changed.
Result<std::optional<TdxMetadata>> ParseWithFirst(const TdxSection& section) {
  FirmwareBuilder builder;
  builder.tdx_sections.front() = section;
  return Parse(builder);
}

const TdxSection kBfv = FirmwareBuilder().tdx_sections.front();

TEST(TdxMetadata, TakesTheSectionsInOrder) {
  const auto metadata = Parse({});

  ASSERT_TRUE(metadata.has_value()) << metadata.error().ToString();
  ASSERT_TRUE(metadata->has_value());
  const std::vector<TdxSection>& sections = (*metadata)->sections;
  ASSERT_EQ(sections.size(), 4u);
  EXPECT_EQ(sections[0].file_offset, 0x1000u);
  EXPECT_EQ(sections[0].gpa, 0xffffd000u);
  EXPECT_TRUE(sections[0].measured());
  EXPECT_FALSE(sections[1].measured());
  EXPECT_TRUE(sections[1].added());
  EXPECT_EQ(TdxSectionTypeName(sections[3].type), "TD_HOB");
}

TEST(TdxMetadata, AnImageNeedsNone) {
  const auto metadata = Parse({.has_tdx = false});

  ASSERT_TRUE(metadata.has_value());
  EXPECT_FALSE(metadata->has_value());
}

TEST(TdxMetadata, TakesEmptySections) {
  EXPECT_TRUE(ParseWithFirst({.type = TdxSectionType::kTempMem}).has_value());
  EXPECT_TRUE(ParseWithFirst({.type = TdxSectionType::kTdInfo}).has_value());
}

TEST(TdxMetadata, RefusesADamagedHeader) {
  ExpectInvalidInput(Parse({.tdx_signature = 0}), "no signature 'TDVF'");
  ExpectInvalidInput(Parse({.tdx_version = 3}), "version 3");
  ExpectInvalidInput(Parse({.has_tdx_guid = false}), "GUID is not where");
  ExpectInvalidInput(Parse({.tdx_length = 16 + 32 * 4 - 1}), "do not fit");
  ExpectInvalidInput(Parse({.tdx_length = 0}), "do not fit");
  ExpectInvalidInput(Parse({.tdx_length = 0xfffffff0}), "do not fit");
  ExpectInvalidInput(Parse({.tdx_count = 5}), "do not fit");
  ExpectInvalidInput(Parse({.tdx_count = 0xffffffff}), "do not fit");
}

// As in the CODE parts of split images, whose offsets count from the end of the whole.
TEST(TdxMetadata, RefusesAnOffsetOutOfTheFile) {
  ExpectInvalidInput(Parse({.tdx_offset = 0x4001}), "outside the file");
  ExpectInvalidInput(Parse({.tdx_offset = 0x4000}), "GUID is not where");
  ExpectInvalidInput(Parse({.tdx_offset = 0}), "GUID is not where");
}

TEST(TdxMetadata, RefusesSectionsThatDoNotFitTheFile) {
  TdxSection section = kBfv;
  section.file_offset = 0x1001;
  ExpectInvalidInput(ParseWithFirst(section), "does not lie inside the file");
  section.file_offset = 0xffffffff;
  ExpectInvalidInput(ParseWithFirst(section), "does not lie inside the file");
  section = kBfv;
  section.memory_size = 0x2000;
  ExpectInvalidInput(ParseWithFirst(section), "is larger in the file");
  section.memory_size = 0x4000;
  section.gpa = 0xff000000;
  ExpectInvalidInput(ParseWithFirst(section), "of another size in the file");
}

TEST(TdxMetadata, RefusesSectionsThatDoNotFitTheMemory) {
  TdxSection section = kBfv;
  section.gpa = 0xffffd800;
  ExpectInvalidInput(ParseWithFirst(section), "not page aligned");
  section.gpa = 0xffffe000;
  ExpectInvalidInput(ParseWithFirst(section), "too high");
  section.gpa = 0xfffffffffffff000;
  ExpectInvalidInput(ParseWithFirst(section), "too high");
  section.gpa = 0xffffa000;
  ExpectInvalidInput(ParseWithFirst(section), "");
  section = {.gpa = 0x1000, .memory_size = 0x1800, .type = TdxSectionType::kTempMem};
  ExpectInvalidInput(ParseWithFirst(section), "not page aligned");
  section.memory_size = 0xfffffffffffff000;
  ExpectInvalidInput(ParseWithFirst(section), "too high");
  section = {.gpa = 0x811000, .memory_size = 0x1000, .type = TdxSectionType::kTempMem};
  ExpectInvalidInput(ParseWithFirst(section), "overlaps");
  section = {.gpa = 0x10000,
             .memory_size = uint64_t{1} << 52,
             .type = TdxSectionType::kPermMem,
             .attributes = TdxSection::kPageAug};
  ExpectInvalidInput(ParseWithFirst(section), "too high");
}

TEST(TdxMetadata, RefusesWhatItDoesNotKnow) {
  ExpectInvalidInput(ParseWithFirst({.type = static_cast<TdxSectionType>(9)}), "is not known");
  ExpectInvalidInput(ParseWithFirst({.type = TdxSectionType::kTempMem, .attributes = 4}),
                     "attributes that are not known");
}

TEST(TdxMetadata, RefusesContentWhereNoneBelongs) {
  for (TdxSectionType type : {TdxSectionType::kTempMem, TdxSectionType::kPermMem}) {
    ExpectInvalidInput(
        ParseWithFirst({.file_size = 0x1000, .gpa = 0x1000, .memory_size = 0x1000, .type = type}),
        "must not be in the file");
  }
  ExpectInvalidInput(
      ParseWithFirst({.gpa = 0x1000, .memory_size = 0x1000, .type = TdxSectionType::kTdInfo}),
      "must not be in memory");
  ExpectInvalidInput(
      ParseWithFirst({.gpa = 0x1000, .memory_size = 0x1000, .type = TdxSectionType::kTdHob}),
      "second of its type");
}

std::pair<Guid, std::vector<uint8_t>> HashPage(uint32_t distance, uint32_t size) {
  std::vector<uint8_t> data(8);
  StoreLeAny(std::span(data).first(4), distance);
  StoreLeAny(std::span(data).last(4), size);
  return {kTdxHashPageGuid, data};
}

TEST(TdxMetadata, FindsThePageForKernelHashes) {
  EXPECT_FALSE((**Parse({})).hash_page_offset.has_value());
  const auto metadata = Parse({.more_entries = {HashPage(0x3000, 0x1000)}});
  ASSERT_TRUE(metadata.has_value()) << metadata.error().ToString();
  EXPECT_EQ((*metadata)->hash_page_offset, 0x1000u);
}

TEST(TdxMetadata, RefusesAPageForKernelHashesThatIsNotMeasured) {
  // In the variable store, which is not; not at a page; of another size; outside.
  ExpectInvalidInput(Parse({.more_entries = {HashPage(0x4000, 0x1000)}}), "kernel hash page");
  ExpectInvalidInput(Parse({.more_entries = {HashPage(0x2800, 0x1000)}}), "kernel hash page");
  ExpectInvalidInput(Parse({.more_entries = {HashPage(0x3000, 0x2000)}}), "kernel hash page");
  ExpectInvalidInput(Parse({.more_entries = {HashPage(0, 0x1000)}}), "kernel hash page");
  ExpectInvalidInput(Parse({.more_entries = {HashPage(0x5000, 0x1000)}}), "kernel hash page");
  ExpectInvalidInput(Parse({.more_entries = {{kTdxHashPageGuid, {0, 0x30}}}}), "too short");
}

TEST(TdxMetadata, RefusesContentThatIsNotAddedOrTooMuch) {
  TdxSection section = {.gpa = 0x1000000,
                        .memory_size = 0x1000,
                        .type = TdxSectionType::kPermMem,
                        .attributes = TdxSection::kPageAug | TdxSection::kExtendMr};
  ExpectInvalidInput(ParseWithFirst(section), "not added");
  section.type = TdxSectionType::kTempMem;
  section.attributes = TdxSection::kExtendMr;
  section.memory_size = 64 * kMiB + kPageSize;
  ExpectInvalidInput(ParseWithFirst(section), "holds too much");
  section.attributes = 0;
  EXPECT_TRUE(ParseWithFirst(section).has_value());
  section.type = TdxSectionType::kPayload;
  section.file_size = 1;
  ExpectInvalidInput(ParseWithFirst(section), "holds too much");
}

}  // namespace
}  // namespace sealvm
