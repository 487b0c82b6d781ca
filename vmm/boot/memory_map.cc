// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/memory_map.h"

#include "vmm/boot/boot_layout.h"

namespace sealvm {

std::vector<MemoryMapEntry> BuildMemoryMap(const GuestLayout& layout) {
  static_assert(kMinRamSize > kFirstMiB);
  std::vector<MemoryMapEntry> map = {
      {0, kConventionalMemoryEnd, MemoryType::kRam},
      {kConventionalMemoryEnd, kVideoMemoryBase - kConventionalMemoryEnd, MemoryType::kReserved},
      {kAcpiAreaBase, kAcpiAreaSize, MemoryType::kAcpi},
      {kFirstMiB, layout.low_ram().end() - kFirstMiB, MemoryType::kRam},
  };
  for (const RamRange& range : layout.ram().subspan(1)) {
    map.push_back({range.base, range.size, MemoryType::kRam});
  }
  return map;
}

}  // namespace sealvm
