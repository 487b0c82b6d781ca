// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/page_tables.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr Gpa kBase = 0x9000;
constexpr uint64_t kAddressMask = 0x000f'ffff'ffff'f000;

// Walks the tables as a CPU does; nullopt when an entry is not present or not writable. Every entry
// on the way must carry `encryption_mask`.
std::optional<Gpa> Walk(const std::vector<uint8_t>& tables, Gpa address, uint64_t encryption_mask) {
  Gpa table = kBase;
  for (const int shift : {39, 30, 21}) {
    const uint64_t index = (address >> shift) & 0x1ff;
    const auto entry = LoadLe<uint64_t>(tables, table - kBase + index * 8);
    if (!entry || (*entry & 3) != 3) return std::nullopt;
    if ((*entry & encryption_mask) != encryption_mask) return std::nullopt;
    table = *entry & kAddressMask & ~encryption_mask;
    if ((*entry & 0x80) != 0) {
      const Gpa offset_mask = (Gpa{1} << shift) - 1;
      return (table & ~offset_mask) | (address & offset_mask);
    }
  }
  return std::nullopt;
}

TEST(PageTables, MapTheFirst4GiBToThemselves) {
  const auto tables = BuildIdentityPageTables(kBase, 0);

  ASSERT_EQ(tables.size(), kPageTablesSize);
  for (const Gpa address : {Gpa{0}, Gpa{0x7000}, Gpa{0x1000200}, Gpa{0x3fff'ffff}, Gpa{0x4000'0000},
                            Gpa{0xbfff'f000}, Gpa{0xfee0'0000}, Gpa{0xffff'ffff}}) {
    EXPECT_EQ(Walk(tables, address, 0), address) << address;
  }
}

TEST(PageTables, EndAt4GiB) {
  const auto tables = BuildIdentityPageTables(kBase, 0);

  EXPECT_FALSE(Walk(tables, 4 * kGiB, 0).has_value());
  EXPECT_FALSE(Walk(tables, Gpa{1} << 39, 0).has_value());
}

TEST(PageTables, CarryTheEncryptionBitAtEveryLevel) {
  constexpr uint64_t kCBit = uint64_t{1} << 39;
  const auto tables = BuildIdentityPageTables(kBase, kCBit);

  EXPECT_EQ(Walk(tables, 0x1234567, kCBit), Gpa{0x1234567});
  EXPECT_EQ(Walk(tables, 0xffff'f000, kCBit), Gpa{0xffff'f000});
}

TEST(BootGdt, HasFlatSegmentsAtTheProtocolsSelectors) {
  const auto gdt = BuildBootGdt(/*code_64bit=*/true);

  ASSERT_EQ(gdt.size(), kBootGdtSize);
  EXPECT_EQ(LoadLe<uint64_t>(gdt, 0), 0u);
  EXPECT_EQ(LoadLe<uint64_t>(gdt, 0x10), 0x00af9b000000ffffu);
  EXPECT_EQ(LoadLe<uint64_t>(gdt, 0x18), 0x00cf93000000ffffu);
}

TEST(BootGdt, Has32BitCodeForPvh) {
  EXPECT_EQ(LoadLe<uint64_t>(BuildBootGdt(/*code_64bit=*/false), 0x10), 0x00cf9b000000ffffu);
}

}  // namespace
}  // namespace sealvm
