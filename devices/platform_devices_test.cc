// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "devices/debug_port.h"
#include "devices/exit_device.h"
#include "devices/port92.h"
#include "devices/pvpanic.h"
#include "devices/testing.h"

namespace sealvm {
namespace {

using ::testing::ElementsAre;

std::vector<GuestRequestKind> Kinds(const RecordingSink& sink) {
  std::vector<GuestRequestKind> kinds;
  for (const GuestRequest& request : sink.requests()) kinds.push_back(request.kind);
  return kinds;
}

TEST(Port92Test, RisingBit0AsksForReset) {
  RecordingSink sink;
  Port92 device(sink);

  WriteByte(device, 0, 0x03);

  EXPECT_THAT(Kinds(sink), ElementsAre(GuestRequestKind::kReset));
}

TEST(Port92Test, BitThatStaysSetAsksOnce) {
  RecordingSink sink;
  Port92 device(sink);

  WriteByte(device, 0, 0x01);
  WriteByte(device, 0, 0x01);
  EXPECT_EQ(sink.requests().size(), 1u);
  WriteByte(device, 0, 0x00);
  WriteByte(device, 0, 0x01);

  EXPECT_EQ(sink.requests().size(), 2u);
}

TEST(Port92Test, A20AlwaysReadsOnAndSwitchingItDoesNotReset) {
  RecordingSink sink;
  Port92 device(sink);

  WriteByte(device, 0, 0x00);
  WriteByte(device, 0, 0xfe);
  EXPECT_EQ(ReadByte(device, 0), 0xfe);
  WriteByte(device, 0, 0x00);
  EXPECT_EQ(ReadByte(device, 0), 0x02);

  EXPECT_TRUE(sink.requests().empty());
}

TEST(DebugPortTest, WriteIsABootMark) {
  RecordingSink sink;
  DebugPort device(sink);

  WriteByte(device, 0, kBootMarkUserspace);

  EXPECT_THAT(Kinds(sink), ElementsAre(GuestRequestKind::kBootMark));
  EXPECT_EQ(sink.requests()[0].value, kBootMarkUserspace);
}

TEST(DebugPortTest, FloodIsCountedAndMarksEachValueOnce) {
  RecordingSink sink;
  DebugPort device(sink);

  for (int i = 0; i < 10000; ++i) WriteByte(device, 0, 0x41);

  EXPECT_EQ(sink.requests().size(), 1u);
  EXPECT_EQ(device.writes(), 10000u);
}

TEST(DebugPortTest, FloodDoesNotHideALaterMark) {
  RecordingSink sink;
  DebugPort device(sink);
  for (int i = 0; i < 10000; ++i) WriteByte(device, 0, static_cast<uint8_t>(i % 0x80));

  WriteByte(device, 0, kBootMarkUserspace);

  EXPECT_EQ(sink.requests().size(), 0x80u + 1);
  EXPECT_EQ(sink.requests().back().value, kBootMarkUserspace);
}

TEST(DebugPortTest, ReadsAllOnes) {
  RecordingSink sink;
  DebugPort device(sink);
  WriteByte(device, 0, 0x12);

  EXPECT_EQ(ReadByte(device, 0), 0xff);
}

TEST(DebugPortTest, StagesFollowTheRanges) {
  EXPECT_EQ(BootMarkStage(0x00), "firmware");
  EXPECT_EQ(BootMarkStage(kBootMarkFirstInstruction), "firmware");
  EXPECT_EQ(BootMarkStage(0x1f), "firmware");
  EXPECT_EQ(BootMarkStage(0x20), "bootloader");
  EXPECT_EQ(BootMarkStage(0x40), "kernel");
  EXPECT_EQ(BootMarkStage(0x7f), "userspace");
  EXPECT_EQ(BootMarkStage(0x80), "custom");
  EXPECT_EQ(BootMarkStage(0xff), "custom");
}

TEST(ExitDeviceTest, TakesTheValueOfEachWidthUnshifted) {
  RecordingSink sink;
  ExitDevice device(sink);
  const std::array<uint8_t, 4> data{0x11, 0x22, 0x33, 0x44};

  device.Write(0, std::span(data).first(1));
  device.Write(0, std::span(data).first(2));
  device.Write(0, data);

  ASSERT_THAT(Kinds(sink), ElementsAre(GuestRequestKind::kExitCode, GuestRequestKind::kExitCode,
                                       GuestRequestKind::kExitCode));
  EXPECT_EQ(sink.requests()[0].value, 0x11u);
  EXPECT_EQ(sink.requests()[1].value, 0x2211u);
  EXPECT_EQ(sink.requests()[2].value, 0x44332211u);
}

TEST(ExitDeviceTest, IgnoresWritesPastOffsetZeroAndTooWide) {
  RecordingSink sink;
  ExitDevice device(sink);
  const std::array<uint8_t, 8> data{};

  device.Write(1, std::span(data).first(1));
  device.Write(2, std::span(data).first(2));
  device.Write(0, data);

  EXPECT_TRUE(sink.requests().empty());
}

TEST(ExitDeviceTest, ReadsAllOnes) {
  RecordingSink sink;
  ExitDevice device(sink);
  std::array<uint8_t, 4> data{};

  device.Read(0, data);

  EXPECT_THAT(data, ElementsAre(0xff, 0xff, 0xff, 0xff));
  EXPECT_TRUE(sink.requests().empty());
}

TEST(PvpanicTest, ReadsTheSupportedEvents) {
  RecordingSink sink;
  Pvpanic device(sink);

  EXPECT_EQ(ReadByte(device, 0), 0x07);
}

TEST(PvpanicTest, PanicAsksForPanic) {
  RecordingSink sink;
  Pvpanic device(sink);

  WriteByte(device, 0, kPvpanicPanicked);

  EXPECT_THAT(Kinds(sink), ElementsAre(GuestRequestKind::kPanic));
}

TEST(PvpanicTest, ShutdownAsksForPowerOff) {
  RecordingSink sink;
  Pvpanic device(sink);

  WriteByte(device, 0, kPvpanicShutdown);

  EXPECT_THAT(Kinds(sink), ElementsAre(GuestRequestKind::kPowerOff));
}

TEST(PvpanicTest, PanicOutranksShutdown) {
  RecordingSink sink;
  Pvpanic device(sink);

  WriteByte(device, 0, 0xff);

  EXPECT_THAT(Kinds(sink), ElementsAre(GuestRequestKind::kPanic));
}

TEST(PvpanicTest, CrashKernelAndUnknownBitsLeaveTheGuestRunning) {
  RecordingSink sink;
  Pvpanic device(sink);

  WriteByte(device, 0, kPvpanicCrashLoaded);
  WriteByte(device, 0, static_cast<uint8_t>(~kPvpanicEvents));

  EXPECT_TRUE(sink.requests().empty());
}

}  // namespace
}  // namespace sealvm
