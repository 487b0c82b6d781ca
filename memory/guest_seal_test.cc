// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <string_view>

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

// The number 0x20 is F_SEAL_EXEC since Linux 6.3, and none before it; there is no kernel on which
// it is the guest seal.
TEST(GuestSealTest, TheSeriesOwnNumberIsNeverTrusted) {
  GuestSealProvider provider({.creation_flag = 0, .seal = 0x20});
  const auto memory = provider.Create(16 * kPageSize, {});
  ASSERT_FALSE(memory.has_value());
  const Result<GuestSeal> seal = FindGuestSeal();
  EXPECT_TRUE(!seal || seal->seal != 0x20);
}

// The trap itself: where the kernel takes the number, the file's bytes are as open as before.
TEST(GuestSealTest, TheSeriesOwnNumberHidesNothing) {
  const Fd fd(memfd_create("sealvm-test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_TRUE(fd.valid());
  ASSERT_EQ(pwrite(fd.get(), "secret", 6, 0), 6);
  if (fcntl(fd.get(), F_ADD_SEALS, 0x20) != 0) {
    EXPECT_EQ(errno, EINVAL);  // Linux 6.2 and older
  }
  std::array<char, 6> bytes = {};
  EXPECT_EQ(pread(fd.get(), bytes.data(), bytes.size(), 0), 6);
  EXPECT_EQ(std::string_view(bytes.data(), bytes.size()), "secret");
}

TEST(GuestSealTest, NamesItsDoor) {
  EXPECT_EQ((GuestSeal{.creation_flag = 0x20, .seal = 0}).ToString(), "memfd_create flag 0x20");
  EXPECT_EQ((GuestSeal{.creation_flag = 0, .seal = 0x40}).ToString(), "seal 0x40");
}

}  // namespace
}  // namespace sealvm
