// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_MEMORY_MAP_H_
#define SEALVM_VMM_BOOT_MEMORY_MAP_H_

#include <stdint.h>

#include <vector>

#include "memory/guest_layout.h"

namespace sealvm {

// Types as E820 and PVH number them (ACPI 6.5 section 15, table 15.1).
enum class MemoryType : uint32_t { kRam = 1, kReserved = 2, kAcpi = 3, kNvs = 4 };

struct MemoryMapEntry {
  Gpa base = 0;
  uint64_t size = 0;  // bytes
  MemoryType type = MemoryType::kRam;

  friend bool operator==(const MemoryMapEntry&, const MemoryMapEntry&) = default;
};

// The map that the guest gets: its RAM without the PC's holes in the first MiB, ascending. What is
// not in it (video memory, the PCI hole) belongs to devices.
std::vector<MemoryMapEntry> BuildMemoryMap(const GuestLayout& layout);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_MEMORY_MAP_H_
