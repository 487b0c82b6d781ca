// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/page_tables.h"

#include <stddef.h>

#include <span>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint64_t kPresent = 1 << 0;
constexpr uint64_t kWritable = 1 << 1;
constexpr uint64_t kLargePage = 1 << 7;
constexpr uint64_t kLargePageSize = 2 * kMiB;
constexpr size_t kEntriesPerTable = 512;
constexpr size_t kDirectories = kIdentityMapSize / kGiB;

// Descriptors of flat segments (Intel SDM vol. 3A section 3.4.5): accessed, so that the CPU need
// not write to them.
constexpr uint64_t kFlatCode64 = 0x00af'9b00'0000'ffff;
constexpr uint64_t kFlatCode32 = 0x00cf'9b00'0000'ffff;
constexpr uint64_t kFlatData = 0x00cf'9300'0000'ffff;

void StoreEntry(std::span<uint8_t> table, size_t index, uint64_t value) {
  StoreLeAny(table.subspan(index * sizeof(value), sizeof(value)), value);
}

}  // namespace

std::vector<uint8_t> BuildIdentityPageTables(Gpa base, uint64_t encryption_mask) {
  std::vector<uint8_t> tables(kPageTablesSize);
  const auto page = [&tables](size_t index) {
    return std::span(tables).subspan(index * kPageSize, kPageSize);
  };
  const uint64_t table_bits = kPresent | kWritable | encryption_mask;
  StoreEntry(page(0), 0, (base + kPageSize) | table_bits);
  for (size_t directory = 0; directory < kDirectories; ++directory) {
    StoreEntry(page(1), directory, (base + (2 + directory) * kPageSize) | table_bits);
    for (size_t index = 0; index < kEntriesPerTable; ++index) {
      const Gpa target = (directory * kEntriesPerTable + index) * kLargePageSize;
      StoreEntry(page(2 + directory), index, target | kLargePage | table_bits);
    }
  }
  return tables;
}

std::vector<uint8_t> BuildBootGdt(bool code_64bit) {
  // The task register needs no descriptor in memory as long as nothing reloads it; its slot is
  // null.
  std::vector<uint8_t> gdt(kBootGdtSize);
  StoreEntry(gdt, kBootCodeSelector / 8, code_64bit ? kFlatCode64 : kFlatCode32);
  StoreEntry(gdt, kBootDataSelector / 8, kFlatData);
  return gdt;
}

}  // namespace sealvm
