// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_PVH_START_INFO_H_
#define SEALVM_VMM_BOOT_PVH_START_INFO_H_

#include <stdint.h>

#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/memory_map.h"

namespace sealvm {

struct PvhInputs {
  Gpa base = 0;     // where the bytes will lie
  Gpa cmdline = 0;  // NUL-terminated
  Gpa initrd = 0;
  uint64_t initrd_size = 0;  // bytes; 0: none
  Gpa rsdp = 0;              // 0: none
  std::span<const MemoryMapEntry> memory_map = {};
};

// struct hvm_start_info, version 1, followed by its module list and memory map; EBX holds its
// address at the PVH entry. kInvalidInput when it does not fit into kStartInfoAreaSize. Source: Xen
// xen/include/public/arch-x86/hvm/start_info.h.
Result<std::vector<uint8_t>> BuildPvhStartInfo(const PvhInputs& inputs);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_PVH_START_INFO_H_
