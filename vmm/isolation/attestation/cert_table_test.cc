// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/attestation/cert_table.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "vmm/boot/testing/expect_error.h"
#include "vmm/crypto/digest.h"
#include "vmm/isolation/attestation/field_reader.h"

namespace sealvm::attestation {
namespace {

std::vector<CertTableEntry> Entries() {
  return {{kGuidVcek, {1, 2, 3}}, {kGuidAsk, std::vector<uint8_t>(5000, 9)}};
}

TEST(CertTableTest, LiesAsTheSpecificationSays) {
  const auto table = BuildCertTable(Entries(), "--certs");
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->size(), 2 * 4096u);
  const std::span<const uint8_t> bytes(*table);
  EXPECT_EQ(HexText(bytes.first(27)),
            "63da758de6644564adc5f4b93be8accd"
            "48000000"
            "03000000"
            "4ab7b3");
  EXPECT_EQ(FieldReader(bytes).U32(24 + 16), 75u);
  EXPECT_EQ(FieldReader(bytes).U32(24 + 20), 5000u);
  EXPECT_TRUE(IsZero(bytes.subspan(48, 24)));
  EXPECT_EQ(HexText(bytes.subspan(72, 4)), "01020309");
}

TEST(CertTableTest, ReadsBack) {
  const auto entries = ParseCertTable(*BuildCertTable(Entries(), "t"), "t");
  ASSERT_TRUE(entries.has_value());
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ(CertTableEntryName((*entries)[0].guid), "VCEK");
  EXPECT_EQ((*entries)[1].certificate, Entries()[1].certificate);
}

TEST(CertTableTest, OtherByteOrderIsTaken) {
  std::vector<CertTableEntry> entries = Entries();
  entries[0].guid = Guid::FromTextOrder(entries[0].guid.bytes);
  const auto read = ParseCertTable(*BuildCertTable(entries, "t"), "t");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ((*read)[0].guid, kGuidVcek);
}

TEST(CertTableTest, EmptyTable) {
  const auto table = BuildCertTable({}, "t");
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->size(), 4096u);
  EXPECT_TRUE(ParseCertTable(*table, "t")->empty());
}

TEST(CertTableTest, CertificatesOutsideAreRefused) {
  const std::vector<uint8_t> good = *BuildCertTable(Entries(), "t");
  struct Case {
    uint32_t offset;
    uint32_t length;
  };
  for (const auto& [offset, length] : {Case{8192, 1}, Case{8193, 0}, Case{0xffffffff, 0xffffffff},
                                       Case{71, 1}, Case{72, 8121}, Case{72, 0}, Case{0, 16}}) {
    std::vector<uint8_t> bytes = good;
    FieldWriter writer(bytes);
    writer.Put(16, offset);
    writer.Put(20, length);
    ExpectInvalidInput(ParseCertTable(bytes, "t"), "t: VCEK of");
  }
}

TEST(CertTableTest, TableWithoutEnd) {
  const std::vector<uint8_t> good = *BuildCertTable(Entries(), "t");
  for (const size_t size : {0u, 23u, 47u, 71u}) {
    ExpectInvalidInput(ParseCertTable(std::span(good).first(size), "t"), "has no end");
  }
  const std::vector<uint8_t> full(8192, 0x55);
  ExpectInvalidInput(ParseCertTable(full, "t"), "more than 32 entries");
}

TEST(CertTableTest, WhatDoesNotGoIntoATable) {
  const std::vector<CertTableEntry> empty = {{kGuidArk, {}}};
  ExpectInvalidInput(BuildCertTable(empty, "--certs"), "--certs: ARK is empty");
  const std::vector<CertTableEntry> large = {{kGuidArk, std::vector<uint8_t>(kMaxCertTableSize)}};
  ExpectInvalidInput(BuildCertTable(large, "--certs"), "more than 65536 bytes");
  const std::vector<CertTableEntry> many(kMaxCertTableEntries + 1, {kGuidArk, {1}});
  ExpectInvalidInput(BuildCertTable(many, "--certs"), "33 certificates");
}

}  // namespace
}  // namespace sealvm::attestation
