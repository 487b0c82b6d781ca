// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/page_tables.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace sealvm::diag {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kArea = 0x10000;
constexpr uint64_t kAreaSize = 64 * 4096;

struct Translation {
  uint64_t physical = 0;
  uint64_t flags = 0;  // of the last level
  bool user = true;    // at every level
};

// Builds tables in a machine whose RAM is full of rubbish, and walks them as a processor does.
class PageTablesTest : public testing::TestWithParam<bool> {
 protected:
  PageTablesTest() { tables_.UseArea(kArea, kArea + kAreaSize); }

  PhysicalMemory memory() {
    return PhysicalMemory(reinterpret_cast<uintptr_t>(ram_.data()), ram_.size());
  }
  std::optional<Translation> Walk(uint64_t address) {
    uint64_t table = tables_.root();
    Translation t;
    for (int shift = 39; shift >= 21; shift -= 9) {
      const auto entry = memory().Read<uint64_t>(table + (address >> shift & 511) * 8);
      if ((entry & 1) == 0) {
        return std::nullopt;
      }
      t.user = t.user && (entry & 4) != 0;
      table = entry & 0x000f'ffff'ffff'f000;
      if ((entry & 0x80) != 0) {
        t.physical = table + (address & ((uint64_t{1} << shift) - 1));
        t.flags = entry & 0xfff;
        return t;
      }
    }
    return std::nullopt;
  }

  std::vector<uint8_t> ram_ = std::vector<uint8_t>(kArea + kAreaSize, 0xa5);
  PageTables tables_{memory(), GetParam(), 0};
};

INSTANTIATE_TEST_SUITE_P(PageSizes, PageTablesTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Gigabyte" : "TwoMebibyte"; });

TEST_P(PageTablesTest, MapsEveryAddressToItself) {
  ASSERT_TRUE(tables_.Map(0, 4 * kGiB, PageTables::Caching::kWriteBack));
  for (const uint64_t address :
       {uint64_t{0}, uint64_t{0x12'3456}, kGiB - 1, 3 * kGiB, 4 * kGiB - 1}) {
    const auto t = Walk(address);
    ASSERT_TRUE(t.has_value()) << address;
    EXPECT_EQ(t->physical, address);
    EXPECT_TRUE(t->user);
    EXPECT_EQ(t->flags, 0x87u);
  }
  EXPECT_FALSE(Walk(4 * kGiB).has_value());
}

TEST_P(PageTablesTest, TheFirst4GiBNeedAtMostSixTables) {
  ASSERT_TRUE(tables_.Map(0, 4 * kGiB, PageTables::Caching::kWriteBack));
  EXPECT_LE(tables_.area_used_end(), kArea + 6 * 4096);
}

TEST_P(PageTablesTest, WhatIsMappedKeepsItsCaching) {
  ASSERT_TRUE(tables_.Map(0, 1 * kGiB, PageTables::Caching::kWriteBack));
  ASSERT_TRUE(tables_.Map(0, 4 * kGiB, PageTables::Caching::kUncached));
  EXPECT_EQ(Walk(kGiB - 1)->flags, 0x87u);
  EXPECT_EQ(Walk(0xfee0'0000)->flags, 0x9fu);
}

TEST_P(PageTablesTest, MapsMemoryFarUp) {
  const uint64_t base = (uint64_t{7} << 40) + 3 * kGiB;
  ASSERT_TRUE(tables_.Map(base, 5 * kGiB, PageTables::Caching::kWriteBack));
  EXPECT_EQ(Walk(base + 4 * kGiB + 12345)->physical, base + 4 * kGiB + 12345);
}

TEST_P(PageTablesTest, CoversPagesThatTheRangeOnlyTouches) {
  ASSERT_TRUE(tables_.Map(5 * kMiB, 4096, PageTables::Caching::kWriteBack));
  EXPECT_EQ(Walk(5 * kMiB)->physical, 5 * kMiB);
}

TEST_P(PageTablesTest, SaysWhenTheAreaIsFull) {
  tables_.UseArea(kArea, kArea + 4096);
  EXPECT_FALSE(tables_.Map(0, kGiB, PageTables::Caching::kWriteBack));
  EXPECT_EQ(tables_.area_used_end(), kArea + 4096);
}

TEST_P(PageTablesTest, GoesOnInANewArea) {
  tables_.UseArea(kArea, kArea + 3 * 4096);
  ASSERT_TRUE(tables_.Map(0, 2 * kMiB, PageTables::Caching::kWriteBack));
  tables_.UseArea(kArea + 8 * 4096, kArea + 16 * 4096);
  ASSERT_TRUE(tables_.Map(uint64_t{1} << 40, 2 * kMiB, PageTables::Caching::kWriteBack));
  EXPECT_EQ(Walk(0)->physical, 0u);
  EXPECT_EQ(Walk(uint64_t{1} << 40)->physical, uint64_t{1} << 40);
}

TEST_P(PageTablesTest, RefusesAddressesThatHaveNoIdentity) {
  EXPECT_FALSE(tables_.Map(PageTables::kEnd - kGiB, 2 * kGiB, PageTables::Caching::kWriteBack));
  EXPECT_FALSE(tables_.Map(UINT64_MAX - 4095, 4096, PageTables::Caching::kWriteBack));
  EXPECT_FALSE(tables_.Map(0, UINT64_MAX, PageTables::Caching::kWriteBack));
}

TEST_P(PageTablesTest, AnAreaOutsideMemoryIsNotTouched) {
  tables_.UseArea(ram_.size(), ram_.size() + 4096);
  EXPECT_FALSE(tables_.Map(0, kGiB, PageTables::Caching::kWriteBack));
}

TEST_P(PageTablesTest, WithoutACBitThereIsNoSharedAlias) {
  EXPECT_FALSE(tables_.MapSharedAlias(0, kGiB));
  ASSERT_TRUE(tables_.Map(PageTables::kSharedWindow, kGiB, PageTables::Caching::kWriteBack));
  EXPECT_EQ(Walk(PageTables::kSharedWindow)->physical, PageTables::kSharedWindow);
}

// The walk follows addresses as a processor without a C-bit would, so tables with the bit are put
// where the bit leads.
class CBitPageTablesTest : public PageTablesTest {
 protected:
  static constexpr uint64_t kC = uint64_t{1} << 40;

  CBitPageTablesTest() { tables_.UseArea(kArea, kArea + kAreaSize); }

  // The entry that maps `address`; every entry on the way must have the C-bit.
  std::optional<uint64_t> Leaf(uint64_t address) {
    uint64_t table = tables_.root();
    for (int shift = 39; shift >= 21; shift -= 9) {
      const auto entry = memory().Read<uint64_t>(table + (address >> shift & 511) * 8);
      if ((entry & 1) == 0 || (entry & 0x80) != 0) {
        return entry;
      }
      EXPECT_TRUE(entry & kC) << address;
      table = entry & 0x000f'ffff'ffff'f000 & ~kC;
    }
    return std::nullopt;
  }

  PageTables tables_{memory(), GetParam(), kC};
};

INSTANTIATE_TEST_SUITE_P(PageSizes, CBitPageTablesTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Gigabyte" : "TwoMebibyte"; });

TEST_P(CBitPageTablesTest, TablesAndCachedMemoryArePrivate) {
  ASSERT_TRUE(tables_.Map(0, kGiB, PageTables::Caching::kWriteBack));
  EXPECT_EQ(Leaf(0), kC | 0x87);
  EXPECT_EQ(tables_.cr3(), kC | kArea);
}

TEST_P(CBitPageTablesTest, DevicesAreNot) {
  ASSERT_TRUE(tables_.Map(3 * kGiB, kGiB, PageTables::Caching::kUncached));
  EXPECT_EQ(Leaf(3 * kGiB), (3 * kGiB) | 0x9f);
}

TEST_P(CBitPageTablesTest, TheSharedAliasIsTheSameAddressWithoutTheBit) {
  ASSERT_TRUE(tables_.Map(4 * kGiB, kGiB, PageTables::Caching::kWriteBack));
  ASSERT_TRUE(tables_.MapSharedAlias(4 * kGiB, kGiB));
  EXPECT_EQ(Leaf(4 * kGiB), kC | (4 * kGiB) | 0x87);
  EXPECT_EQ(Leaf(PageTables::kSharedWindow + 4 * kGiB), (4 * kGiB) | 0x87);
}

TEST_P(CBitPageTablesTest, MemoryEndsWhereTheSharedAliasesBegin) {
  EXPECT_FALSE(
      tables_.Map(PageTables::kSharedWindow - kGiB, 2 * kGiB, PageTables::Caching::kWriteBack));
  EXPECT_FALSE(tables_.MapSharedAlias(PageTables::kSharedWindow, kGiB));
}

}  // namespace
}  // namespace sealvm::diag
