// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/address_space.h"

#include <algorithm>
#include <new>

#include "guest-fw/diag/end.h"
#include "guest-fw/diag/memory_check.h"
#include "guest-fw/diag/page_tables.h"
#include "guest-fw/diag/supervisor.h"

extern "C" {
extern const uint8_t image_start[];
extern const uint8_t image_end[];
}

namespace sealvm::diag {
namespace {

using Caching = PageTables::Caching;

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kTableSize = 4096;

// CPUID 0x80000001 EDX: AMD64 APM vol. 3 appendix E.4.2.
constexpr uint32_t kExtendedFeatures = 0x8000'0001;
constexpr uint32_t kGigabytePages = 1 << 26;

// A PML4, a PDPT and, without pages of 1 GiB, four page directories: what the low 4 GiB need.
alignas(kTableSize) uint8_t low_tables[6 * kTableSize];

alignas(PageTables) uint8_t tables_storage[sizeof(PageTables)];
bool has_high_tables;
bool has_shared_aliases;

PageTables& Tables() { return *std::launder(reinterpret_cast<PageTables*>(tables_storage)); }

bool HasGigabytePages() {
  return CpuidInRing0(0x8000'0000, 0).eax >= kExtendedFeatures &&
         (CpuidInRing0(kExtendedFeatures, 0).edx & kGigabytePages) != 0;
}

// RAM first: a large page that holds both RAM and a hole is then cached; the caching type of the
// hole's devices is KVM's own affair.
bool MapLow4GiB(const BootInfo& boot) {
  for (const MemoryRange& range : boot.ranges()) {
    if (range.is_ram() && range.base < 4 * kGiB &&
        !Tables().Map(range.base, std::min(range.size, 4 * kGiB - range.base),
                      Caching::kWriteBack)) {
      return false;
    }
  }
  return Tables().Map(0, 4 * kGiB, Caching::kUncached);
}

bool MapHighRam(const BootInfo& boot) {
  for (const MemoryRange& range : boot.ranges()) {
    const uint64_t start = std::max(range.base, 4 * kGiB);
    if (range.is_ram() && start < range.end() &&
        !Tables().Map(start, range.end() - start, Caching::kWriteBack)) {
      return false;
    }
  }
  return true;
}

bool MapSharedAliases(const BootInfo& boot) {
  for (const MemoryRange& range : boot.ranges()) {
    if (range.is_ram() && !Tables().MapSharedAlias(range.base, range.size)) {
      return false;
    }
  }
  return true;
}

// What is free of the usable RAM that the image lies in, behind the image.
void UseRoomBehindImage(const BootInfo& boot) {
  const auto end = reinterpret_cast<uint64_t>(image_end);
  uint64_t room_end = end;
  for (const PageSpan& span : CheckPlan(boot.ranges()).spans()) {
    if (span.start < end && end < span.end) {
      room_end = std::min(span.end, 4 * kGiB);
    }
  }
  Tables().UseArea(end, room_end);
  has_high_tables = true;
}

}  // namespace

void MapImage(uint64_t c_mask) {
  auto& tables = *new (tables_storage)
                     PageTables(PhysicalMemory(0, PageTables::kEnd), HasGigabytePages(), c_mask);
  has_shared_aliases = c_mask != 0;
  const auto area = reinterpret_cast<uint64_t>(low_tables);
  tables.UseArea(area, area + sizeof(low_tables));
  if (!tables.Map(InUseStart(), InUseEnd() - InUseStart(), Caching::kWriteBack)) {
    Fail("no page tables for the guest's own image");
  }
  WriteCr3(tables.cr3());
}

void MapAllMemory(const BootInfo& boot) {
  if (!MapLow4GiB(boot)) {
    Fail("no page tables for the low 4 GiB");
  }
  InRing0([] { WriteCr3(PageTableRoot()); });
  UseRoomBehindImage(boot);
  if (!MapHighRam(boot)) {
    Fail("no room for the page tables of the memory above 4 GiB");
  }
  if (has_shared_aliases && !MapSharedAliases(boot)) {
    Fail("no room for the page tables of the shared aliases");
  }
  InRing0([] { WriteCr3(PageTableRoot()); });
}

uint64_t PageTableRoot() { return Tables().cr3(); }

uintptr_t SharedAlias(uint64_t address) { return PageTables::kSharedWindow + address; }

uint64_t InUseStart() { return reinterpret_cast<uint64_t>(image_start); }

uint64_t InUseEnd() {
  return has_high_tables ? Tables().area_used_end() : reinterpret_cast<uint64_t>(image_end);
}

}  // namespace sealvm::diag
