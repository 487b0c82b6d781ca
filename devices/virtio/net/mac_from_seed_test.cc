// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/net/mac_from_seed.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sealvm {
namespace {

TEST(MacFromSeedTest, IsLocalAndUnicast) {
  for (int i = 0; i < 256; ++i) EXPECT_EQ(MacFromSeed(std::to_string(i))[0] & 3, 2) << i;
}

TEST(MacFromSeedTest, DependsOnTheSeedAlone) {
  std::set<MacAddress> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(MacFromSeed("net" + std::to_string(i)));
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_EQ(MacFromSeed("net0"), MacFromSeed("net0"));
}

}  // namespace
}  // namespace sealvm
