// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vmm/boot/boot_layout.h"
#include "vmm/boot/memory_map.h"

namespace sealvm {

Result<> Placement::Take(std::string name, Gpa gpa, uint64_t size) {
  if (!IsUsableRam(gpa, size)) {
    return InvalidInput(fmt::format("{} at {:#x}+{:#x} is not in guest RAM", name, gpa, size));
  }
  if (const LoadedRegion* other = FindOverlap(gpa, size)) {
    return InvalidInput(fmt::format("{} at {:#x}+{:#x} overlaps {} at {:#x}+{:#x}", name, gpa, size,
                                    other->name, other->gpa, other->size));
  }
  regions_.push_back({.name = std::move(name), .gpa = gpa, .size = size});
  return {};
}

std::optional<Gpa> Placement::FindHighest(const RamRange& range, uint64_t size, Gpa limit) const {
  const Gpa floor = std::max(range.base, kFirstMiB);
  Gpa end = std::min(range.end(), limit);
  while (end > floor && size <= end - floor) {
    const Gpa base = PageFloor(end - size);
    if (base < floor) return std::nullopt;
    const LoadedRegion* other = FindOverlap(base, size);
    if (other == nullptr) return base;
    end = other->gpa;
  }
  return std::nullopt;
}

const LoadedRegion* Placement::FindOverlap(Gpa gpa, uint64_t size) const {
  const auto overlap = std::ranges::find_if(regions_, [gpa, size](const LoadedRegion& region) {
    return gpa < region.end() && region.gpa < gpa + size;
  });
  return overlap == regions_.end() ? nullptr : &*overlap;
}

bool Placement::IsUsableRam(Gpa gpa, uint64_t size) const {
  if (size == 0) return false;
  return std::ranges::any_of(BuildMemoryMap(layout_), [gpa, size](const MemoryMapEntry& entry) {
    if (entry.type == MemoryType::kReserved) return false;
    return gpa >= entry.base && gpa - entry.base < entry.size &&
           size <= entry.size - (gpa - entry.base);
  });
}

}  // namespace sealvm
