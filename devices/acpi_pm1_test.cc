// SPDX-License-Identifier: Apache-2.0
#include "devices/acpi_pm1.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "devices/acpi_pm.h"
#include "devices/sealed_status_port.h"
#include "memory/base/endian.h"

namespace sealvm {
namespace {

class RecordingSink : public GuestRequestSink {
 public:
  void OnGuestRequest(const GuestRequest& request) override { requests.push_back(request.kind); }
  std::vector<GuestRequestKind> requests;
};

class AcpiPm1Test : public testing::Test {
 protected:
  void Write16(uint64_t offset, uint16_t value) {
    const std::array<uint8_t, 2> bytes = {static_cast<uint8_t>(value),
                                          static_cast<uint8_t>(value >> 8)};
    device_.Write(offset, bytes);
  }
  uint16_t Read16(uint64_t offset) {
    std::array<uint8_t, 2> bytes = {};
    device_.Read(offset, bytes);
    return static_cast<uint16_t>(bytes[0] | bytes[1] << 8);
  }
  RecordingSink sink_;
  AcpiPm1 device_{sink_};
};

constexpr uint16_t kSleepEnable = 1 << 13;
constexpr uint16_t SleepType(uint16_t type) { return static_cast<uint16_t>(type << 10); }

TEST_F(AcpiPm1Test, AcpiIsAlwaysEnabled) {
  EXPECT_EQ(Read16(4) & 1, 1);
  Write16(4, 0);
  EXPECT_EQ(Read16(4) & 1, 1);
}

TEST_F(AcpiPm1Test, NoEventEverHappens) {
  Write16(0, 0xffff);
  EXPECT_EQ(Read16(0), 0);
}

TEST_F(AcpiPm1Test, EnableIsKept) {
  Write16(2, 0x0321);
  EXPECT_EQ(Read16(2), 0x0321);
  EXPECT_EQ(Read16(0), 0);
}

TEST_F(AcpiPm1Test, SoftOffPowersOff) {
  Write16(4, SleepType(kAcpiS5SleepType) | kSleepEnable);
  EXPECT_EQ(sink_.requests, std::vector{GuestRequestKind::kPowerOff});
  EXPECT_EQ(Read16(4) & kSleepEnable, 0) << "SLP_EN reads as zero";
}

TEST_F(AcpiPm1Test, TheSoftOffTypeIsTheMachines) {
  AcpiPm1 piix4(sink_, 0);
  const uint16_t s5 = kSleepEnable | SleepType(kAcpiS5SleepType);
  std::array<uint8_t, 2> bytes = {};
  StoreLeAny(bytes, s5);
  piix4.Write(4, bytes);
  EXPECT_TRUE(sink_.requests.empty());
  StoreLeAny(bytes, kSleepEnable);
  piix4.Write(4, bytes);
  EXPECT_EQ(sink_.requests.size(), 1u);
}

TEST_F(AcpiPm1Test, SleepTypeAloneAndOtherStatesDoNothing) {
  Write16(4, SleepType(kAcpiS5SleepType));
  Write16(4, SleepType(3) | kSleepEnable);
  Write16(2, kSleepEnable | SleepType(kAcpiS5SleepType));
  EXPECT_TRUE(sink_.requests.empty());
}

TEST_F(AcpiPm1Test, BytesAtATimeDoAsWell) {
  device_.Write(5, std::array<uint8_t, 1>{(kAcpiS5SleepType << 2) | 0x20});
  EXPECT_EQ(sink_.requests.size(), 1u);
}

TEST(SealedStatusPortTest, TakesOneWriteOf32Bits) {
  std::vector<uint32_t> seen;
  SealedStatusPort port([&](uint32_t status) { seen.push_back(status); });
  port.Write(0, std::array<uint8_t, 4>{0x00, 0x01, 0xa1, 0x5e});
  EXPECT_EQ(seen, std::vector<uint32_t>{0x5ea10100});
}

TEST(SealedStatusPortTest, OtherWidthsMeanNothing) {
  int calls = 0;
  SealedStatusPort port([&](uint32_t) { ++calls; });
  port.Write(0, std::array<uint8_t, 1>{1});
  port.Write(0, std::array<uint8_t, 2>{1, 2});
  port.Write(2, std::array<uint8_t, 2>{1, 2});
  std::array<uint8_t, 4> bytes = {1, 1, 1, 1};
  port.Read(0, bytes);
  EXPECT_EQ(bytes, (std::array<uint8_t, 4>{}));
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace sealvm
