// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/pci_config_space.h"

#include <gtest/gtest.h>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

class PciConfigSpaceTest : public testing::Test {
 protected:
  void Write(uint32_t offset, uint64_t value, size_t width) {
    std::array<uint8_t, 8> bytes = {};
    StoreLeAny(bytes, value);
    config_.Write(offset, std::span(bytes).first(width));
  }

  PciConfigSpace config_{{.vendor_id = 0x1af4,
                          .device_id = 0x1042,
                          .revision = 1,
                          .class_code = 0x018000,
                          .subsystem_vendor_id = 0x1af4,
                          .subsystem_id = 0x40}};
};

TEST_F(PciConfigSpaceTest, IdentityCannotBeWritten) {
  Write(kPciVendorId, 0xffffffff, 4);
  EXPECT_EQ(config_.Get32(kPciVendorId), 0x10421af4u);
  EXPECT_EQ(config_.Get32(kPciRevision), 0x01800001u);
  EXPECT_EQ(config_.Get32(kPciSubsystemVendorId), 0x00401af4u);
}

// PCI Local Bus 3.0 section 6.2.5.1: writing ones gives the size.
TEST_F(PciConfigSpaceTest, BarsTellTheirSize) {
  config_.AddBar(0, PciSpace::kMemory, 0x8000, 0xc0000000);
  config_.AddBar(1, PciSpace::kIo, 0x100, 0x1000);
  Write(kPciBar0, 0xffffffff, 4);
  Write(kPciBar0 + 4, 0xffffffff, 4);
  EXPECT_EQ(config_.Get32(kPciBar0), 0xffff8000u);
  EXPECT_EQ(config_.Get32(kPciBar0 + 4), 0xffffff01u);
  Write(kPciBar0 + 8, 0xffffffff, 4);
  EXPECT_EQ(config_.Get32(kPciBar0 + 8), 0u);
}

TEST_F(PciConfigSpaceTest, ABarIsDecodedWhileTheCommandRegisterSaysSo) {
  config_.AddBar(0, PciSpace::kMemory, 0x8000, 0xc0000000);
  EXPECT_FALSE(config_.Window(0).has_value());
  Write(kPciCommand, kPciCommandIo, 2);
  EXPECT_FALSE(config_.Window(0).has_value());
  Write(kPciCommand, kPciCommandMemory, 2);
  EXPECT_EQ(config_.Window(0), (PciBarWindow{PciSpace::kMemory, 0xc0000000, 0x8000}));
  Write(kPciBar0, 0xd0001234, 4);
  EXPECT_EQ(config_.Window(0)->base, 0xd0000000u);
  Write(kPciBar0, 0, 4);
  EXPECT_FALSE(config_.Window(0).has_value());
}

TEST_F(PciConfigSpaceTest, CapabilitiesAreAList) {
  const std::array<uint8_t, 3> body = {1, 2, 3};
  const std::array<uint8_t, 3> writable = {0, 0xf0, 0};
  const uint8_t first = config_.AddCapability(9, body, writable);
  const uint8_t second = config_.AddCapability(0x11, body, {});
  EXPECT_NE(config_.Get16(kPciStatus) & kPciStatusCapabilities, 0);
  EXPECT_EQ(config_.Get8(kPciCapabilities), first);
  EXPECT_EQ(config_.Get8(first), 9);
  EXPECT_EQ(config_.Get8(first + 1), second);
  EXPECT_EQ(config_.Get8(second + 1), 0);
  EXPECT_EQ(second % 4, 0);
  Write(first + 2, 0xffffff, 3);
  EXPECT_EQ(config_.Get32(first + 2) & 0xffffff, 0x03f201u);
}

TEST_F(PciConfigSpaceTest, AccessesPastTheEndReadOnesAndWriteNothing) {
  std::array<uint8_t, 4> bytes = {};
  config_.Read(254, bytes);
  EXPECT_EQ(bytes, (std::array<uint8_t, 4>{0, 0, 0xff, 0xff}));
  config_.Read(0xffffffff, bytes);
  EXPECT_EQ(bytes, (std::array<uint8_t, 4>{0xff, 0xff, 0xff, 0xff}));
  config_.Write(0xfffffffe, bytes);
}

}  // namespace
}  // namespace sealvm
