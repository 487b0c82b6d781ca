// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/page_tables.h"

namespace sealvm::diag {
namespace {

constexpr uint64_t kTableSize = 4096;
constexpr uint64_t kPresent = 1 << 0;
constexpr uint64_t kWritable = 1 << 1;
constexpr uint64_t kUser = 1 << 2;
constexpr uint64_t kWriteThrough = 1 << 3;
constexpr uint64_t kCacheDisable = 1 << 4;
constexpr uint64_t kLargePage = 1 << 7;
constexpr uint64_t kAddressMask = 0x000f'ffff'ffff'f000;

constexpr unsigned kLevel4Shift = 39;
constexpr unsigned kLevel3Shift = 30;
constexpr unsigned kLevel2Shift = 21;

uint64_t Index(uint64_t address, unsigned shift) { return address >> shift & 511; }

}  // namespace

void PageTables::UseArea(uint64_t start, uint64_t end) {
  next_ = start;
  end_ = end;
}

uint64_t PageTables::TakeTable() {
  uint8_t* table = end_ - next_ >= kTableSize ? memory_.At(next_, kTableSize) : nullptr;
  if (table == nullptr) {
    return 0;
  }
  memset(table, 0, kTableSize);
  next_ += kTableSize;
  return next_ - kTableSize;
}

uint64_t PageTables::Descend(uint64_t table, uint64_t index) {
  auto* entry = reinterpret_cast<uint64_t*>(memory_.At(table + index * 8, 8));
  if ((*entry & kPresent) == 0) {
    const uint64_t next = TakeTable();
    if (next == 0) {
      return 0;
    }
    *entry = next | c_mask_ | kPresent | kWritable | kUser;
  }
  return *entry & kAddressMask & ~c_mask_;
}

bool PageTables::MapPage(uint64_t address, uint64_t entry_value) {
  uint64_t table = Descend(root_, Index(address, kLevel4Shift));
  unsigned shift = kLevel3Shift;
  if (table != 0 && !gigabyte_pages_) {
    table = Descend(table, Index(address, kLevel3Shift));
    shift = kLevel2Shift;
  }
  if (table == 0) {
    return false;
  }
  auto* entry = reinterpret_cast<uint64_t*>(memory_.At(table + Index(address, shift) * 8, 8));
  if (*entry == 0) {
    *entry = entry_value;
  }
  return true;
}

bool PageTables::MapPages(uint64_t base, uint64_t size, uint64_t window, uint64_t bits) {
  const uint64_t end = c_mask_ != 0 ? kSharedWindow : kEnd;
  if (base > end || size > end - base || (root_ == 0 && (root_ = TakeTable()) == 0)) {
    return false;
  }
  const uint64_t page = uint64_t{1} << (gigabyte_pages_ ? kLevel3Shift : kLevel2Shift);
  const uint64_t flags = kPresent | kWritable | kUser | kLargePage | bits;
  for (uint64_t address = base & ~(page - 1); address < base + size; address += page) {
    if (!MapPage(window + address, address | flags)) {
      return false;
    }
  }
  return true;
}

bool PageTables::Map(uint64_t base, uint64_t size, Caching caching) {
  return MapPages(base, size, 0,
                  caching == Caching::kUncached ? kCacheDisable | kWriteThrough : c_mask_);
}

bool PageTables::MapSharedAlias(uint64_t base, uint64_t size) {
  return c_mask_ != 0 && MapPages(base, size, kSharedWindow, 0);
}

}  // namespace sealvm::diag
