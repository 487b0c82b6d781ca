// SPDX-License-Identifier: Apache-2.0
#include "devices/acpi_pm.h"

#include <gtest/gtest.h>

#include <array>

#include "devices/platform_addresses.h"
#include "devices/testing.h"

namespace sealvm {
namespace {

constexpr uint64_t kSleepControl = 0;
constexpr uint64_t kSleepStatus = 1;
constexpr uint64_t kReset = 2;
constexpr uint64_t kGedStatus = 3;

class AcpiPmTest : public ::testing::Test {
 protected:
  RecordingSink sink_;
  RecordingLine line_;
  AcpiPm device_{sink_, line_};
};

TEST_F(AcpiPmTest, SleepEnableWithS5PowersOff) {
  WriteByte(device_, kSleepControl, 1 << 5 | kAcpiS5SleepType << 2);

  ASSERT_EQ(sink_.requests().size(), 1u);
  EXPECT_EQ(sink_.requests()[0].kind, GuestRequestKind::kPowerOff);
}

TEST_F(AcpiPmTest, OnlySleepEnableWithS5PowersOff) {
  for (int value = 0; value <= 0xff; ++value) {
    RecordingSink sink;
    AcpiPm device(sink, line_);

    WriteByte(device, kSleepControl, static_cast<uint8_t>(value));

    const bool powers_off = (value & 0x20) != 0 && ((value >> 2) & 7) == kAcpiS5SleepType;
    EXPECT_EQ(sink.requests().size(), powers_off ? 1u : 0u) << value;
  }
}

TEST_F(AcpiPmTest, SleepTypeReadsBackWithoutSleepEnable) {
  WriteByte(device_, kSleepControl, 0xff);

  EXPECT_EQ(ReadByte(device_, kSleepControl), 0x1c);
}

TEST_F(AcpiPmTest, NeverReportsAWake) {
  WriteByte(device_, kSleepStatus, 0xff);

  EXPECT_EQ(ReadByte(device_, kSleepStatus), 0);
  EXPECT_TRUE(sink_.requests().empty());
}

TEST_F(AcpiPmTest, ResetRegisterTakesOnlyItsValue) {
  for (int value = 0; value <= 0xff; ++value) {
    WriteByte(device_, kReset, static_cast<uint8_t>(value));
  }

  ASSERT_EQ(sink_.requests().size(), 1u);
  EXPECT_EQ(sink_.requests()[0].kind, GuestRequestKind::kReset);
}

TEST_F(AcpiPmTest, PowerButtonRaisesTheLineUntilItsStatusIsRead) {
  device_.PressPowerButton();
  ASSERT_TRUE(line_.level());

  EXPECT_EQ(ReadByte(device_, kGedStatus), kAcpiGedPowerButton);

  EXPECT_FALSE(line_.level());
  EXPECT_EQ(ReadByte(device_, kGedStatus), 0);
}

TEST_F(AcpiPmTest, EachPressMakesAnEdgeEvenWhileOneIsUnread) {
  device_.PressPowerButton();
  device_.PressPowerButton();

  EXPECT_EQ(line_.rising_edges(), 2);
  EXPECT_TRUE(line_.level());
}

TEST_F(AcpiPmTest, WritingTheEventStatusDoesNotClearIt) {
  device_.PressPowerButton();

  WriteByte(device_, kGedStatus, 0xff);

  EXPECT_TRUE(line_.level());
  EXPECT_EQ(ReadByte(device_, kGedStatus), kAcpiGedPowerButton);
}

TEST_F(AcpiPmTest, WideWriteReachesEachRegisterInOrder) {
  const std::array<uint8_t, 4> data{0x20 | kAcpiS5SleepType << 2, 0, kAcpiResetValue, 0};

  device_.Write(0, data);

  ASSERT_EQ(sink_.requests().size(), 2u);
  EXPECT_EQ(sink_.requests()[0].kind, GuestRequestKind::kPowerOff);
  EXPECT_EQ(sink_.requests()[1].kind, GuestRequestKind::kReset);
}

TEST_F(AcpiPmTest, RegistersFillTheirWindow) {
  EXPECT_EQ(kAcpiGedStatusPort, kAcpiPmBase + kGedStatus);
  EXPECT_EQ(kAcpiPmLength, kGedStatus + 1);
}

}  // namespace
}  // namespace sealvm
