// SPDX-License-Identifier: Apache-2.0
#include "memory/base/endian.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace sealvm {
namespace {

constexpr std::array<uint8_t, 10> kBytes = {0x11, 0x22, 0x33, 0x44, 0x55,
                                            0x66, 0x77, 0x88, 0x99, 0xaa};

TEST(EndianTest, LoadsLittleEndianAtAnyOffset) {
  EXPECT_EQ(LoadLe<uint16_t>(kBytes, 1), 0x3322);
  EXPECT_EQ(LoadLe<uint64_t>(kBytes, 2), 0xaa99887766554433u);
}

TEST(EndianTest, RefusesToReadPastTheEnd) {
  EXPECT_EQ(LoadLe<uint32_t>(kBytes, 7), std::nullopt);
  EXPECT_EQ(LoadLe<uint8_t>(kBytes, 10), std::nullopt);
}

TEST(EndianTest, RefusesAnOffsetThatWouldWrap) {
  EXPECT_EQ(LoadLe<uint32_t>(kBytes, std::numeric_limits<size_t>::max() - 1), std::nullopt);
}

TEST(EndianTest, LoadsOddWidths) {
  EXPECT_EQ(LoadLeAny(std::span(kBytes).first(3)), 0x332211u);
  EXPECT_EQ(LoadLeAny({}), 0u);
  EXPECT_EQ(LoadLeAny(kBytes), 0x8877665544332211u);
}

TEST(EndianTest, StoresAndClearsWhatLiesBeyondTheValue) {
  std::array<uint8_t, 10> out;
  out.fill(0xee);
  StoreLeAny(out, 0x0102030405060708);
  EXPECT_EQ(out[0], 0x08);
  EXPECT_EQ(out[7], 0x01);
  EXPECT_EQ(out[9], 0x00);
}

}  // namespace
}  // namespace sealvm
