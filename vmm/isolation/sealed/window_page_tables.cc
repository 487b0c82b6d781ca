// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/window_page_tables.h"

#include <map>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint64_t kPresent = 1 << 0;
constexpr uint64_t kWritable = 1 << 1;
constexpr uint64_t kLargePage = 1 << 7;
constexpr uint64_t kEntries = 512;

void StoreEntry(std::vector<uint8_t>& tables, uint64_t page, uint64_t index, uint64_t value) {
  StoreLeAny(std::span(tables).subspan(page * kPageSize + index * sizeof(value), sizeof(value)),
             value);
}

}  // namespace

std::vector<uint8_t> BuildWindowPageTables(Gpa base, std::span<const GpaRange> ranges) {
  // PML4 index to the page that holds its page-directory-pointer table.
  std::map<uint64_t, uint64_t> table_of;
  std::vector<uint8_t> tables(kPageSize);
  for (const GpaRange& range : ranges) {
    for (uint64_t gib = range.base / kGiB; gib * kGiB < range.base + range.size; ++gib) {
      const auto [entry, is_new] = table_of.try_emplace(gib / kEntries, tables.size() / kPageSize);
      if (is_new) {
        tables.resize(tables.size() + kPageSize);
        StoreEntry(tables, 0, entry->first,
                   (base + entry->second * kPageSize) | kPresent | kWritable);
      }
      StoreEntry(tables, entry->second, gib % kEntries,
                 gib * kGiB | kLargePage | kPresent | kWritable);
    }
  }
  return tables;
}

}  // namespace sealvm
