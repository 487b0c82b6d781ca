// SPDX-License-Identifier: Apache-2.0
#include "devices/io_apic.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

class IoApicTest : public testing::Test {
 protected:
  void Set(uint64_t offset, uint32_t value) {
    std::array<uint8_t, 4> bytes;
    StoreLeAny(bytes, value);
    apic_->Write(offset, bytes);
  }
  void SetRegister(uint8_t index, uint32_t value) {
    Set(0x00, index);
    Set(0x10, value);
  }
  uint32_t GetRegister(uint8_t index) {
    Set(0x00, index);
    std::array<uint8_t, 4> bytes;
    apic_->Read(0x10, bytes);
    return *LoadLe<uint32_t>(bytes);
  }
  void SetEntry(uint8_t pin, uint64_t entry) {
    SetRegister(static_cast<uint8_t>(0x11 + 2 * pin), static_cast<uint32_t>(entry >> 32));
    SetRegister(static_cast<uint8_t>(0x10 + 2 * pin), static_cast<uint32_t>(entry));
  }

  using Message = std::pair<uint64_t, uint32_t>;
  std::vector<Message> sent_;
  std::shared_ptr<IoApic> apic_ = std::make_shared<IoApic>(
      [this](uint64_t address, uint32_t data) { sent_.emplace_back(address, data); });
};

TEST_F(IoApicTest, SaysWhatItIs) {
  EXPECT_EQ(GetRegister(1), 0x170011u);
  SetRegister(0, 0xffffffff);
  EXPECT_EQ(GetRegister(0), 0x0f000000u);
  EXPECT_EQ(GetRegister(2), 0x0f000000u);
  EXPECT_EQ(GetRegister(0x0f), 0u);
  EXPECT_EQ(GetRegister(0x40), 0u);
  EXPECT_EQ(GetRegister(0xff), 0u);
}

TEST_F(IoApicTest, InputsStartMasked) {
  for (uint8_t pin = 0; pin < 24; ++pin) EXPECT_EQ(GetRegister(0x10 + 2 * pin), 0x10000u);
  apic_->Line(4)->SetLevel(true);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(IoApicTest, AnEdgeBecomesAMessage) {
  SetEntry(4, 0x0300'0000'0000'0035);
  const auto line = apic_->Line(4);
  line->SetLevel(true);
  line->SetLevel(true);
  EXPECT_EQ(sent_, (std::vector<Message>{{0xfee03000, 0x35}}));
  line->SetLevel(false);
  EXPECT_EQ(sent_.size(), 1u);
  line->SetLevel(true);
  EXPECT_EQ(sent_.size(), 2u);
}

TEST_F(IoApicTest, DestinationAndDeliveryModesAreCarriedOver) {
  SetEntry(1, 0xff00'0000'0000'0941);  // logical, lowest priority
  apic_->Line(1)->SetLevel(true);
  EXPECT_EQ(sent_, (std::vector<Message>{{0xfeeff004, 0x141}}));
}

TEST_F(IoApicTest, LevelInputsTriggerAtEdges) {
  SetEntry(9, 0x8041);
  const auto line = apic_->Line(9);
  line->SetLevel(true);
  SetEntry(9, 0x8041);
  EXPECT_EQ(sent_.size(), 1u);
  EXPECT_EQ(GetRegister(0x10 + 18), 0x8041u);
}

TEST_F(IoApicTest, AnEdgeBehindTheMaskWaits) {
  SetEntry(5, 0x10050);
  const auto line = apic_->Line(5);
  line->SetLevel(true);
  line->SetLevel(false);
  SetEntry(5, 0x50);
  EXPECT_EQ(sent_, (std::vector<Message>{{0xfee00000, 0x50}}));
  SetEntry(5, 0x50);
  EXPECT_EQ(sent_.size(), 1u);
}

TEST_F(IoApicTest, ReadOnlyBitsStayClear) {
  SetEntry(2, 0xffffffff);
  EXPECT_EQ(GetRegister(0x14), 0xffffffffu & ~0x5000u);
}

TEST_F(IoApicTest, WhatIsNotThereDoesNothing) {
  apic_->Line(24)->SetLevel(true);
  apic_->Line(0xffffffff)->SetLevel(true);
  SetRegister(0x40, 0x50);
  Set(0x20, 1);
  std::array<uint8_t, 1> byte = {0xff};
  apic_->Write(0x10, byte);
  apic_->Read(0x10, byte);
  EXPECT_EQ(byte[0], 0);
  std::array<uint8_t, 8> wide = {0xff, 0xff};
  apic_->Read(0x30, wide);
  EXPECT_EQ(wide, (std::array<uint8_t, 8>{}));
  EXPECT_TRUE(sent_.empty());
}

}  // namespace
}  // namespace sealvm
