// SPDX-License-Identifier: Apache-2.0
#include "devices/cmos_rtc.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

#include "devices/testing.h"

namespace sealvm {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;
// 2024-02-29 23:59:58 UTC, a Thursday (date -u -d @1709251198).
constexpr int64_t kLeapDayEvening = 1709251198;

class CmosRtcTest : public ::testing::Test {
 protected:
  uint8_t Get(CmosRtc& rtc, uint8_t index) {
    WriteByte(rtc, 0, index);
    return ReadByte(rtc, 1);
  }
  void Put(CmosRtc& rtc, uint8_t index, uint8_t value) {
    WriteByte(rtc, 0, index);
    WriteByte(rtc, 1, value);
  }
  uint8_t Get(uint8_t index) { return Get(rtc_, index); }
  void Put(uint8_t index, uint8_t value) { Put(rtc_, index, value); }
  void Pass(nanoseconds time) { now_ += time; }

  // Seconds, minutes, hours, weekday, day, month, year, century.
  using Registers = std::array<uint8_t, 8>;
  static constexpr Registers kIndices{0x00, 0x02, 0x04, 0x06, 0x07, 0x08, 0x09, kRtcCenturyIndex};
  Registers GetTime() {
    Registers time{};
    for (size_t i = 0; i < time.size(); ++i) time[i] = Get(kIndices[i]);
    return time;
  }
  void PutTime(const Registers& time) {
    for (size_t i = 0; i < time.size(); ++i) Put(kIndices[i], time[i]);
  }

  std::chrono::sys_time<nanoseconds> now_{seconds(kLeapDayEvening)};
  CmosRtc rtc_{{.below_4g = 512 * kMiB, .above_4g = 0}, [this] { return now_; }};
};

TEST_F(CmosRtcTest, TellsTheHostsTimeInBcd) {
  EXPECT_EQ(GetTime(), (Registers{0x58, 0x59, 0x23, 0x05, 0x29, 0x02, 0x24, 0x20}));
}

TEST_F(CmosRtcTest, TellsItInBinaryWhenAsked) {
  Put(0x0b, kCmosBinary | kCmos24Hour);

  EXPECT_EQ(GetTime(), (Registers{58, 59, 23, 5, 29, 2, 24, 20}));
}

TEST_F(CmosRtcTest, TwelveHourModeMarksPm) {
  Put(0x0b, 0);

  EXPECT_EQ(Get(0x04), 0x80 | 0x11);
}

TEST_F(CmosRtcTest, RunsOnOverTheLeapDay) {
  Pass(seconds(2));

  EXPECT_EQ(GetTime(), (Registers{0x00, 0x00, 0x00, 0x06, 0x01, 0x03, 0x24, 0x20}));
}

TEST_F(CmosRtcTest, NmiBitOfTheIndexIsIgnored) {
  WriteByte(rtc_, 0, 0x80 | 0x09);

  EXPECT_EQ(ReadByte(rtc_, 1), 0x24);
}

TEST_F(CmosRtcTest, UpdateIsNeverInProgress) {
  Put(0x0a, 0xff);

  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Get(0x0a) & 0x80, 0);
    Pass(milliseconds(1));
  }
}

TEST_F(CmosRtcTest, RegistersReadAfterStatusABelongTogether) {
  Pass(seconds(1) + milliseconds(999));
  Get(0x0a);
  EXPECT_EQ(Get(0x00), 0x59);

  Pass(milliseconds(10));

  EXPECT_EQ(GetTime(), (Registers{0x59, 0x59, 0x23, 0x05, 0x29, 0x02, 0x24, 0x20}));
}

TEST_F(CmosRtcTest, HeldTimeLetsGo) {
  Get(0x0a);

  Pass(seconds(1));

  EXPECT_EQ(Get(0x00), 0x59);
}

TEST_F(CmosRtcTest, HostClockThatStepsBackDoesNotHoldTheTime) {
  Get(0x0a);

  now_ -= std::chrono::hours(1);

  EXPECT_EQ(Get(0x04), 0x22);
}

TEST_F(CmosRtcTest, TimeWrittenWhileHaltedCountsFromItsRelease) {
  Put(0x0b, 0x80 | kCmos24Hour);
  PutTime({0x30, 0x45, 0x12, 0x07, 0x25, 0x12, 0x99, 0x19});
  Pass(seconds(100));
  EXPECT_EQ(Get(0x00), 0x30);

  Put(0x0b, kCmos24Hour);
  Pass(seconds(5));

  EXPECT_EQ(GetTime(), (Registers{0x35, 0x45, 0x12, 0x07, 0x25, 0x12, 0x99, 0x19}));
}

TEST_F(CmosRtcTest, HaltedClockReadsWhatIsWrittenEvenIfItIsNoTime) {
  Put(0x0b, 0x80 | kCmos24Hour);

  Put(0x08, 0xee);

  EXPECT_EQ(Get(0x08), 0xee);
}

TEST_F(CmosRtcTest, NoTimeLeavesTheClockAsItWas) {
  struct Case {
    const char* what;
    Registers time;
  };
  for (const Case& c : {Case{"second 60", {0x60, 0, 0, 1, 1, 1, 0x24, 0x20}},
                        Case{"minute 60", {0, 0x60, 0, 1, 1, 1, 0x24, 0x20}},
                        Case{"hour 24", {0, 0, 0x24, 1, 1, 1, 0x24, 0x20}},
                        Case{"day 0", {0, 0, 0, 1, 0, 1, 0x24, 0x20}},
                        Case{"February 30th", {0, 0, 0, 1, 0x30, 2, 0x24, 0x20}},
                        Case{"month 13", {0, 0, 0, 1, 1, 0x13, 0x24, 0x20}},
                        Case{"BCD digit f", {0x0f, 0, 0, 1, 1, 1, 0x24, 0x20}},
                        Case{"century ff", {0, 0, 0, 1, 1, 1, 0x24, 0xff}}}) {
    Put(0x0b, 0x80 | kCmos24Hour);
    PutTime(c.time);
    Put(0x0b, kCmos24Hour);

    EXPECT_EQ(GetTime(), (Registers{0x58, 0x59, 0x23, 0x05, 0x29, 0x02, 0x24, 0x20})) << c.what;
  }
}

TEST_F(CmosRtcTest, RegisterWrittenWhileRunningTakesEffectAtOnce) {
  Put(0x04, 0x07);

  EXPECT_EQ(GetTime(), (Registers{0x58, 0x59, 0x07, 0x05, 0x29, 0x02, 0x24, 0x20}));
}

TEST_F(CmosRtcTest, AlarmAndOtherBytesAreMemory) {
  for (const uint8_t index : {0x01, 0x03, 0x05, 0x0e, 0x0f, 0x40, 0x7f}) {
    Put(index, static_cast<uint8_t>(index ^ 0xa5));
  }
  for (const uint8_t index : {0x01, 0x03, 0x05, 0x0e, 0x0f, 0x40, 0x7f}) {
    EXPECT_EQ(Get(index), index ^ 0xa5) << int{index};
  }
}

TEST_F(CmosRtcTest, StatusCAndDAreReadOnly) {
  Put(0x0c, 0xff);
  Put(0x0d, 0x00);

  EXPECT_EQ(Get(0x0c), 0x00);
  EXPECT_EQ(Get(0x0d), 0x80);
}

TEST_F(CmosRtcTest, MemorySizesOfASmallGuest) {
  EXPECT_EQ(Get(0x15) | Get(0x16) << 8, 640);
  EXPECT_EQ(Get(0x34) | Get(0x35) << 8, (512 - 16) * 16);
  EXPECT_EQ(Get(0x5b) | Get(0x5c) << 8 | Get(0x5d) << 16, 0);
  for (const uint8_t base : {0x17, 0x30}) {
    EXPECT_EQ(Get(base) | Get(base + 1) << 8, 0xffff);
  }
}

TEST_F(CmosRtcTest, MemorySizesOfALargeGuest) {
  CmosRtc rtc({.below_4g = 3 * kGiB, .above_4g = 5 * kGiB}, [this] { return now_; });

  EXPECT_EQ(Get(rtc, 0x34) | Get(rtc, 0x35) << 8, (3072 - 16) * 16);
  EXPECT_EQ(Get(rtc, 0x5b) | Get(rtc, 0x5c) << 8 | Get(rtc, 0x5d) << 16, 5 * 1024 * 16);
}

TEST_F(CmosRtcTest, MemorySizesAtTheEdges) {
  CmosRtc tiny({.below_4g = 2 * kMiB, .above_4g = 0}, [this] { return now_; });
  CmosRtc huge({.below_4g = 3 * kGiB, .above_4g = ~uint64_t{0}}, [this] { return now_; });

  EXPECT_EQ(Get(tiny, 0x17) | Get(tiny, 0x18) << 8, 1024);
  EXPECT_EQ(Get(tiny, 0x34) | Get(tiny, 0x35) << 8, 0);
  EXPECT_EQ(Get(huge, 0x5b) | Get(huge, 0x5c) << 8 | Get(huge, 0x5d) << 16, 0xffffff);
}

TEST_F(CmosRtcTest, WordWriteSetsIndexAndByte) {
  const std::array<uint8_t, 2> word{0x40, 0x99};

  rtc_.Write(0, word);

  EXPECT_EQ(Get(0x40), 0x99);
}

TEST_F(CmosRtcTest, IndexIsWriteOnly) { EXPECT_EQ(ReadByte(rtc_, 0), 0xff); }

class CmosTimeModeTest : public ::testing::TestWithParam<uint8_t> {};

TEST_P(CmosTimeModeTest, EveryHourOfADayComesBack) {
  const std::chrono::sys_seconds midnight{seconds(kLeapDayEvening - 86398)};
  for (int hour = 0; hour < 24; ++hour) {
    const auto time = midnight + std::chrono::hours(hour) + seconds(61);
    EXPECT_EQ(DecodeCmosTime(EncodeCmosTime(time, GetParam()), GetParam()), time) << hour;
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, CmosTimeModeTest,
                         ::testing::Values(0, kCmosBinary, kCmos24Hour, kCmosBinary | kCmos24Hour));

TEST(CmosTimeTest, TwelveHourModeHasNoHourZeroNorThirteen) {
  const CmosTime time = EncodeCmosTime(std::chrono::sys_seconds(seconds(0)), kCmosBinary);
  EXPECT_EQ(time.hours, 12);
  for (const uint8_t hours : {0, 13, 0x80, 0x80 | 13}) {
    CmosTime wrong = time;
    wrong.hours = hours;
    EXPECT_FALSE(DecodeCmosTime(wrong, kCmosBinary)) << int{hours};
  }
}

TEST(CmosTimeTest, YearsBeyondFourDigitsBecomeTheNearest) {
  const uint8_t mode = kCmosBinary | kCmos24Hour;
  const auto late = std::chrono::sys_days(std::chrono::year(12345) / 1 / 1);
  const auto early = std::chrono::sys_days(std::chrono::year(-5) / 1 / 1);

  EXPECT_EQ(EncodeCmosTime(late, mode).century, 99);
  EXPECT_EQ(EncodeCmosTime(late, mode).year, 99);
  EXPECT_EQ(EncodeCmosTime(early, mode).century, 0);
  EXPECT_EQ(EncodeCmosTime(early, mode).year, 0);
}

TEST(SystemHostClockTest, IsTheSystemsClock) {
  const auto before = std::chrono::system_clock::now();
  const auto now = SystemHostClock()();

  EXPECT_GE(now, before);
  EXPECT_LE(now, std::chrono::system_clock::now());
}

}  // namespace
}  // namespace sealvm
