// SPDX-License-Identifier: Apache-2.0
#include "vmm/base/guid.h"

#include <gtest/gtest.h>

#include <vector>

namespace sealvm {
namespace {

TEST(Guid, FirstThreeGroupsAreLittleEndian) {
  constexpr Guid kGuid = Guid::Of("00112233-4455-6677-8899-aabbccddeeff");

  const std::array<uint8_t, 16> bytes = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                                         0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  EXPECT_EQ(kGuid.bytes, bytes);
  EXPECT_EQ(kGuid.ToString(), "00112233-4455-6677-8899-aabbccddeeff");
}

TEST(Guid, TextOrderIsThatOfTheDigits) {
  constexpr Guid kGuid = Guid::Of("00112233-4455-6677-8899-aabbccddeeff");

  const std::array<uint8_t, 16> text = kGuid.InTextOrder();
  EXPECT_EQ(text, (std::array<uint8_t, 16>{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                                           0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}));
  EXPECT_EQ(Guid::FromTextOrder(text), kGuid);
}

TEST(Guid, TakesTheFirstSixteenBytes) {
  std::vector<uint8_t> bytes(20, 0x11);
  bytes[0] = 1;

  EXPECT_EQ(Guid::FromBytes(bytes).ToString(), "11111101-1111-1111-1111-111111111111");
}

}  // namespace
}  // namespace sealvm
