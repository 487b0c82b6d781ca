// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_seal.h"

#include <gtest/gtest.h>

#include "memory/guest_layout.h"
#include "memory/guest_seal_provider.h"

namespace sealvm {
namespace {

// No released kernel has the seal, though the series' number 0x20 can be added on Linux 6.3 and
// later. A kernel that has it passes only if the memory really is out of reach.
TEST(GuestSealTest, IsFoundOnlyWhereTheMemoryIsOutOfReach) {
  const Result<GuestSeal> seal = FindGuestSeal();
  if (!seal) {
    EXPECT_EQ(seal.error().kind, ErrorKind::kRefused);
    for (const char* candidate : {"flag 0x20", "seal 0x40", "seal 0x20"}) {
      EXPECT_NE(seal.error().message.find(candidate), std::string::npos) << seal.error().message;
    }
    return;
  }
  const auto memory = GuestSealProvider(*seal).Create(16 * kPageSize, {.prefault = true});
  ASSERT_TRUE(memory.has_value()) << memory.error().ToString();
  EXPECT_FALSE((*memory)->can_host_access());
  EXPECT_EQ(*(*memory)->AllocatedBytes(), 16 * kPageSize);
}

TEST(GuestSealTest, TheProviderDoesNotTrustAWrongSeal) {
  GuestSealProvider provider({.creation_flag = 0, .seal = 0x20});
  const auto memory = provider.Create(16 * kPageSize, {});
  if (memory) {
    EXPECT_FALSE((*memory)->can_host_access());
  } else {
    EXPECT_FALSE(memory.error().message.empty());
  }
}

TEST(GuestSealTest, NamesItsDoor) {
  EXPECT_EQ((GuestSeal{.creation_flag = 0x20, .seal = 0}).ToString(), "memfd_create flag 0x20");
  EXPECT_EQ((GuestSeal{.creation_flag = 0, .seal = 0x40}).ToString(), "seal 0x40");
}

}  // namespace
}  // namespace sealvm
