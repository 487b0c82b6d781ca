// SPDX-License-Identifier: Apache-2.0
#include "devices/acpi_pm_timer.h"

#include <gtest/gtest.h>

#include <array>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class AcpiPmTimerTest : public testing::Test {
 protected:
  uint32_t Read(uint64_t offset = 0, size_t width = 4) {
    std::array<uint8_t, 4> bytes = {};
    timer_.Read(offset, std::span(bytes).first(width));
    return static_cast<uint32_t>(LoadLeAny(bytes));
  }

  nanoseconds now_ = hours(5);
  AcpiPmTimer timer_{[this] { return now_; }};
};

TEST_F(AcpiPmTimerTest, StartsAtZero) { EXPECT_EQ(Read(), 0u); }

TEST_F(AcpiPmTimerTest, CountsAtItsFrequency) {
  now_ += seconds(2);
  EXPECT_EQ(Read(), 2u * 3579545);
  now_ += nanoseconds(280);
  EXPECT_EQ(Read(), 2u * 3579545 + 1);
}

TEST_F(AcpiPmTimerTest, WrapsAt24Bits) {
  now_ += seconds(5);
  EXPECT_EQ(Read(), 5u * 3579545 - 0x1000000);
}

TEST_F(AcpiPmTimerTest, RunsForYears) {
  now_ += hours(24 * 3650);
  EXPECT_EQ(Read(), uint64_t{24} * 3650 * 3600 * 3579545 % 0x1000000);
}

TEST_F(AcpiPmTimerTest, IsReadInParts) {
  now_ += seconds(1);
  EXPECT_EQ(Read(2, 1), 3579545u >> 16);
  EXPECT_EQ(Read(3, 1), 0u);
}

TEST_F(AcpiPmTimerTest, IgnoresWrites) {
  now_ += seconds(1);
  timer_.Write(0, std::array<uint8_t, 4>{});
  EXPECT_EQ(Read(), 3579545u);
}

TEST(AcpiPmTimerOfTheHostTest, RunsForwards) {
  AcpiPmTimer timer;
  std::array<uint8_t, 4> bytes = {};
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
  while (std::chrono::steady_clock::now() < end) {
  }
  timer.Read(0, bytes);
  EXPECT_GE(LoadLeAny(bytes), 7159u);  // two milliseconds
}

}  // namespace
}  // namespace sealvm
