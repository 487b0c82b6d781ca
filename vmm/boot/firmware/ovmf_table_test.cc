// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/firmware/ovmf_table.h"

#include <gtest/gtest.h>

#include "vmm/boot/firmware/testing/firmware_builder.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

constexpr Guid kOther = Guid::Of("01234567-89ab-cdef-0123-456789abcdef");

TEST(OvmfTable, ReadsEntriesFromTheEnd) {
  const FirmwareImage image = FirmwareBuilder{.more_entries = {{kOther, {1, 2, 3}}}}.Image();
  const auto table = OvmfTable::Parse(image);

  ASSERT_TRUE(table.has_value()) << table.error().ToString();
  EXPECT_TRUE(table->present());
  ASSERT_EQ(table->entries().size(), 6u);
  EXPECT_EQ(table->entries().front().guid, kSevEsResetBlockGuid);
  EXPECT_EQ(table->entries().back().guid, kOther);
  const auto data = table->Find(kOther);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(std::vector<uint8_t>(data->begin(), data->end()), (std::vector<uint8_t>{1, 2, 3}));
}

TEST(OvmfTable, EntriesMayBeEmpty) {
  const FirmwareImage image = FirmwareBuilder{.more_entries = {{kOther, {}}}}.Image();
  const auto table = OvmfTable::Parse(image);

  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->Find(kOther)->size(), 0u);
}

TEST(OvmfTable, AnImageNeedsNone) {
  const FirmwareImage image = FirmwareBuilder{.has_footer = false}.Image();
  const auto table = OvmfTable::Parse(image);

  ASSERT_TRUE(table.has_value());
  EXPECT_FALSE(table->present());
  EXPECT_FALSE(table->Find(kSevEsResetBlockGuid).has_value());
}

TEST(OvmfTable, RefusesLengthsOfTheWholeThatDoNotFit) {
  for (uint16_t length : {0, 17, 20, 41, 0xffff}) {
    const FirmwareImage image = FirmwareBuilder{.size = kPageSize, .table_length = length}.Image();
    ExpectInvalidInput(OvmfTable::Parse(image), "damaged OVMF table");
  }
}

// The last entry in memory is the reset block: 4 bytes, then its length.
TEST(OvmfTable, RefusesLengthsOfAnEntryThatDoNotFit) {
  for (uint16_t length : {0, 1, 17, 0x7fff, 0xffff}) {
    std::vector<uint8_t> bytes = FirmwareBuilder().Build();
    const size_t at = bytes.size() - 0x20 - 18 - 18;
    bytes[at] = static_cast<uint8_t>(length);
    bytes[at + 1] = static_cast<uint8_t>(length >> 8);
    const auto image = FirmwareImage::FromBytes("firmware", bytes);
    ASSERT_TRUE(image.has_value());
    ExpectInvalidInput(OvmfTable::Parse(*image), "has length " + std::to_string(length));
  }
}

TEST(OvmfTable, RefusesAnEntryThatComesTwice) {
  const FirmwareImage image =
      FirmwareBuilder{.more_entries = {{kSevEsResetBlockGuid, {1, 2, 3, 4}}}}.Image();

  ExpectInvalidInput(OvmfTable::Parse(image), "two entries 00f771de");
}

TEST(OvmfTable, FollowsOffsetsInsideTheImageAlone) {
  const FirmwareImage image = FirmwareBuilder().Image();
  const uint8_t inside[] = {0x00, 0x40, 0x00, 0x00};
  const uint8_t outside[] = {0x01, 0x40, 0x00, 0x00};

  const auto bytes = FollowOffset(image, inside, "test data");
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ(bytes->size(), image.size());
  ExpectInvalidInput(FollowOffset(image, outside, "test data"), "test data would lie 0x4001 bytes");
  ExpectInvalidInput(FollowOffset(image, std::span(inside).first(3), "test data"), "too short");
}

}  // namespace
}  // namespace sealvm
