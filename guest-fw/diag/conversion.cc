// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/conversion.h"

#include <algorithm>

#include "devices/platform_addresses.h"

namespace sealvm::diag {
namespace {

constexpr uint64_t kPage = kConversionPage;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t k4GiB = 4 * kGiB;
// So many pages that their bytes are 2^64.
constexpr uint64_t kWholeAddressSpace = uint64_t{1} << 52;
// A register of AMD's chipset, behind which a sealed guest has memory that it cannot convert.
constexpr uint64_t kChipsetPage = 0xfed8'0000;

// Ends of the RAM below and above 4 GiB; the second is the first when there is none above.
struct RamEnds {
  uint64_t low = 0;
  uint64_t high = 0;
};

RamEnds EndsOf(std::span<const MemoryRange> ranges) {
  RamEnds ends;
  for (const MemoryRange& range : ranges) {
    if (range.is_ram()) {
      ends.low = range.base < k4GiB ? std::max(ends.low, range.end()) : ends.low;
      ends.high = std::max(ends.high, range.end());
    }
  }
  return ends;
}

}  // namespace

HostileConversions::HostileConversions(std::span<const MemoryRange> ranges, uint64_t free_page,
                                       uint64_t c_mask) {
  const RamEnds ram = EndsOf(ranges);
  Add("no pages", free_page, 0);
  Add("an unaligned address", free_page + 1, 1);
  Add("half a page", free_page + kPage / 2, 1);
  Add("a range that wraps", uint64_t{0} - kPage, 2);
  Add("a length of 2^64 bytes", free_page, kWholeAddressSpace);
  Add("a length that wraps to a page", free_page, kWholeAddressSpace + 1);
  Add("2^64 - 1 pages", free_page, UINT64_MAX);
  Add("2^40 pages", free_page, uint64_t{1} << 40);
  Add("the page behind RAM", ram.high, 1);
  Add("the last page of RAM and one more", ram.high - kPage, 2);
  // Where the VMM of a sealed guest has its staging window at first.
  Add("the staging window", (std::max(ram.high, k4GiB) + kGiB - 1) / kGiB * kGiB, 1);
  Add("the hole below 4 GiB", kPciMmioBase, 1);
  if (ram.high > k4GiB) {
    Add("RAM across the hole", ram.low - kPage, (k4GiB - ram.low) / kPage + 2);
  }
  Add("the I/O APIC", kIoApicBase, 1);
  Add("the chipset's page", kChipsetPage, 1);
  Add("the local APIC", kLapicBase, 1);
  Add("an address with the C-bit", free_page | c_mask, 1);
  Add("an address above the C-bit", free_page | c_mask << 1, 1);
}

void HostileConversions::Add(std::string_view name, uint64_t gpa, uint64_t pages) {
  if (count_ + 2 <= std::size(entries_)) {
    entries_[count_++] = {name, {gpa, pages, kToShared}};
    entries_[count_++] = {name, {gpa, pages, kToPrivate}};
  }
}

}  // namespace sealvm::diag
