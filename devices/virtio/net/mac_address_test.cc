// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/mac_address.h"

#include <gtest/gtest.h>

#include <set>

namespace sealvm {
namespace {

TEST(MacAddressTest, IsLocalAndUnicast) {
  for (int i = 0; i < 256; ++i) EXPECT_EQ(MacFromSeed(std::to_string(i))[0] & 3, 2) << i;
}

TEST(MacAddressTest, DependsOnTheSeedAlone) {
  std::set<MacAddress> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(MacFromSeed("net" + std::to_string(i)));
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(MacFromSeed("net0"), MacFromSeed("net0"));
}

TEST(MacAddressTest, IsWrittenInHexadecimal) {
  EXPECT_EQ(FormatMac({0x52, 0x54, 0, 0x12, 0xab, 6}), "52:54:00:12:ab:06");
}

}  // namespace
}  // namespace sealvm
