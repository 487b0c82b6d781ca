// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/placement.h"

#include <gtest/gtest.h>

#include <vector>

#include "vmm/boot/memory_map.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

GuestLayout Layout(uint64_t bytes) { return *GuestLayout::Create(bytes); }

TEST(MemoryMap, SmallGuestHasOneRangeAboveTheFirstMiB) {
  const std::vector<MemoryMapEntry> expected = {
      {0, 0x9fc00, MemoryType::kRam},
      {0x9fc00, 0x400, MemoryType::kReserved},
      {0xe0000, 0x20000, MemoryType::kAcpi},
      {0x100000, 127 * kMiB, MemoryType::kRam},
  };
  EXPECT_EQ(BuildMemoryMap(Layout(128 * kMiB)), expected);
}

TEST(MemoryMap, RamAboveTheHoleIsItsOwnRange) {
  const auto map = BuildMemoryMap(Layout(5 * kGiB));

  ASSERT_EQ(map.size(), 5u);
  EXPECT_EQ(map[3], (MemoryMapEntry{0x100000, 3 * kGiB - kMiB, MemoryType::kRam}));
  EXPECT_EQ(map[4], (MemoryMapEntry{4 * kGiB, 2 * kGiB, MemoryType::kRam}));
}

TEST(Placement, RemembersWhatWasTaken) {
  Placement placement(Layout(16 * kMiB));

  ASSERT_TRUE(placement.Take("kernel", 0x200000, 0x1000).has_value());

  ASSERT_EQ(placement.regions().size(), 1u);
  EXPECT_EQ(placement.regions()[0].name, "kernel");
  EXPECT_EQ(placement.regions()[0].end(), 0x201000u);
}

TEST(Placement, OverlapNamesBoth) {
  Placement placement(Layout(16 * kMiB));
  ASSERT_TRUE(placement.Take("GDT", 0x6000, 0x30).has_value());

  ExpectInvalidInput(placement.Take("kernel", 0x5000, 0x1001),
                     "kernel at 0x5000+0x1001 overlaps GDT at 0x6000+0x30");
}

TEST(Placement, NeighboursDoNotOverlap) {
  Placement placement(Layout(16 * kMiB));
  ASSERT_TRUE(placement.Take("a", 0x6000, 0x1000).has_value());

  EXPECT_TRUE(placement.Take("b", 0x5000, 0x1000).has_value());
  EXPECT_TRUE(placement.Take("c", 0x7000, 0x1000).has_value());
}

TEST(Placement, RefusesWhatIsNoRam) {
  Placement placement(Layout(5 * kGiB));

  ExpectInvalidInput(placement.Take("video", 0xa0000, 0x1000), "not in guest RAM");
  ExpectInvalidInput(placement.Take("bios data", 0x9f000, 0x1000), "not in guest RAM");
  ExpectInvalidInput(placement.Take("hole", 3 * kGiB - 0x1000, 0x2000), "not in guest RAM");
  ExpectInvalidInput(placement.Take("end", 6 * kGiB, 1), "not in guest RAM");
}

TEST(Placement, RefusesEmptyAndWrappingRanges) {
  Placement placement(Layout(16 * kMiB));

  ExpectInvalidInput(placement.Take("empty", 0x200000, 0), "not in guest RAM");
  ExpectInvalidInput(placement.Take("wraps", 0x200000, UINT64_MAX), "not in guest RAM");
  ExpectInvalidInput(placement.Take("wraps", UINT64_MAX, 2), "not in guest RAM");
}

TEST(Placement, FindsTheTopOfFreeMemory) {
  const GuestLayout layout = Layout(16 * kMiB);
  const Placement placement(layout);

  EXPECT_EQ(placement.FindHighest(layout.low_ram(), 0x1001, UINT64_MAX), 16 * kMiB - 0x2000);
}

TEST(Placement, HonoursTheLimit) {
  const GuestLayout layout = Layout(16 * kMiB);
  const Placement placement(layout);

  EXPECT_EQ(placement.FindHighest(layout.low_ram(), 0x1000, 8 * kMiB), 8 * kMiB - 0x1000);
}

TEST(Placement, GoesBelowWhatIsTaken) {
  const GuestLayout layout = Layout(16 * kMiB);
  Placement placement(layout);
  ASSERT_TRUE(placement.Take("top", 15 * kMiB, kMiB).has_value());
  ASSERT_TRUE(placement.Take("middle", 8 * kMiB + 1, 0x10).has_value());

  EXPECT_EQ(placement.FindHighest(layout.low_ram(), 6 * kMiB, UINT64_MAX), 9 * kMiB);
  EXPECT_EQ(placement.FindHighest(layout.low_ram(), 7 * kMiB, UINT64_MAX), 1 * kMiB);
}

TEST(Placement, FindsNothingWhenFullOrTooLarge) {
  const GuestLayout layout = Layout(16 * kMiB);
  Placement placement(layout);

  EXPECT_FALSE(placement.FindHighest(layout.low_ram(), 16 * kMiB, UINT64_MAX).has_value());
  EXPECT_FALSE(placement.FindHighest(layout.low_ram(), UINT64_MAX, UINT64_MAX).has_value());
  EXPECT_FALSE(placement.FindHighest(layout.low_ram(), 0x1000, kMiB).has_value());
}

TEST(Placement, FillsTheFreeSpaceToTheByte) {
  const GuestLayout layout = Layout(16 * kMiB);
  const Placement placement(layout);

  EXPECT_EQ(placement.FindHighest(layout.low_ram(), 15 * kMiB, UINT64_MAX), kMiB);
}

}  // namespace
}  // namespace sealvm
