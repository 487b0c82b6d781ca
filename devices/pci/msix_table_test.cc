// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/msix_table.h"

#include <gtest/gtest.h>

#include "devices/pci/testing_vectors.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

class MsixTableTest : public testing::Test {
 protected:
  static constexpr uint32_t kAddress = 0xfee01000;

  MsixTableTest() {
    std::vector<std::unique_ptr<MsiVector>> vectors;
    for (int i = 0; i < 10; ++i) vectors.push_back(factory_.Create().value());
    table_ = std::make_unique<MsixTable>(std::move(vectors), Logger());
  }

  void Write(uint64_t offset, uint64_t value, size_t width = 4) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    table_->WriteTable(offset, std::span(bytes).first(width));
  }
  uint64_t Read(uint64_t offset, size_t width = 4) {
    std::array<uint8_t, 8> bytes = {};
    table_->ReadTable(offset, std::span(bytes).first(width));
    return LoadLeAny(std::span(bytes).first(width));
  }
  // As a driver sets an entry up.
  void WriteVector(uint32_t index, uint32_t data) {
    Write(index * 16, kAddress);
    Write(index * 16 + 4, 0);
    Write(index * 16 + 8, data);
    Write(index * 16 + 12, 0);
  }
  const VectorRecord& record(size_t index) const { return *factory_.records[index]; }

  RecordingVectors factory_;
  std::unique_ptr<MsixTable> table_;
};

TEST_F(MsixTableTest, EntriesAreMaskedAtFirst) {
  table_->SetControl(MsixTable::kControlEnable);
  EXPECT_EQ(Read(12), 1u);
  EXPECT_FALSE(record(0).connected.has_value());
}

TEST_F(MsixTableTest, AnUnmaskedEntryIsConnectedWithItsMessage) {
  table_->SetControl(MsixTable::kControlEnable);
  WriteVector(2, 0x41);
  EXPECT_EQ(record(2).connected, (MsiMessage{kAddress, 0x41}));
  EXPECT_EQ(record(2).connects, 1);
  EXPECT_FALSE(record(1).connected.has_value());
}

TEST_F(MsixTableTest, MaskingDisconnectsInThreeWays) {
  table_->SetControl(MsixTable::kControlEnable);
  WriteVector(0, 1);
  Write(12, 1);
  EXPECT_FALSE(record(0).connected.has_value());
  Write(12, 0);
  table_->SetControl(MsixTable::kControlEnable | MsixTable::kControlFunctionMask);
  EXPECT_FALSE(record(0).connected.has_value());
  table_->SetControl(MsixTable::kControlEnable);
  EXPECT_TRUE(record(0).connected.has_value());
  table_->SetControl(0);
  EXPECT_FALSE(record(0).connected.has_value());
}

TEST_F(MsixTableTest, AChangedMessageIsConnectedAnew) {
  table_->SetControl(MsixTable::kControlEnable);
  WriteVector(0, 1);
  Write(8, 2);
  EXPECT_EQ(record(0).connected, (MsiMessage{kAddress, 2}));
}

TEST_F(MsixTableTest, WhatComesWhileMaskedIsPending) {
  table_->SetControl(MsixTable::kControlEnable);
  table_->Trigger(9);
  std::array<uint8_t, 8> bits = {};
  table_->ReadPending(0, bits);
  EXPECT_EQ(LoadLeAny(bits), 1u << 9);
  WriteVector(9, 1);
  table_->ReadPending(0, bits);
  EXPECT_EQ(LoadLeAny(bits), 0u);
}

TEST_F(MsixTableTest, QuadwordsAreTwoDwords) {
  Write(16, 0x1122334455667788, 8);
  EXPECT_EQ(Read(16), 0x55667788u);
  EXPECT_EQ(Read(20), 0x11223344u);
  EXPECT_EQ(Read(16, 8), 0x1122334455667788u);
}

TEST_F(MsixTableTest, OddAndFarAccessesDoNothing) {
  Write(1, 0xffffffff);
  Write(0, 0xffff, 2);
  EXPECT_EQ(Read(0), 0u);
  Write(160, 0xffffffff);
  Write(~uint64_t{3}, 0xffffffff);
  EXPECT_EQ(Read(160), 0u);
  EXPECT_EQ(table_->EventFd(10), -1);
  table_->Trigger(0xffff);
}

}  // namespace
}  // namespace sealvm
