// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ELF_KERNEL_H_
#define SEALVM_VMM_BOOT_ELF_KERNEL_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/image_file.h"

namespace sealvm {

// One PT_LOAD segment, loaded at its physical address.
struct ElfSegment {
  uint64_t file_offset = 0;
  uint64_t file_size = 0;    // bytes; the rest of memory_size is zero
  Gpa gpa = 0;               // p_paddr
  uint64_t memory_size = 0;  // bytes, not 0

  Gpa end() const { return gpa + memory_size; }
};

// An ELF64 x86-64 kernel whose headers have been checked: segments lie in the file, ascend in
// physical addresses, do not overlap and do not wrap. Sources: System V gABI chapters 4 and 5; for
// the PVH note, Xen docs/misc/pvh.pandoc and xen/include/public/elfnote.h.
struct ElfKernel {
  std::vector<ElfSegment> segments;  // not empty
  // e_entry. For Linux it is a physical address: the entry of the 64-bit boot protocol.
  Gpa entry = 0;
  // The 32-bit entry point of XEN_ELFNOTE_PHYS32_ENTRY.
  std::optional<uint32_t> pvh_entry;
  // Has a note named "Linux" (LINUX_ELFNOTE_BUILD_SALT, in every build since 4.19) or a Xen note
  // that says that the guest OS is "linux".
  bool is_linux = false;

  // True when `address` lies in a segment.
  bool Covers(Gpa address) const;
};

bool LooksLikeElf(std::span<const uint8_t> start);

// kInvalidInput with one line for another class, machine or byte order, or a header that is
// inconsistent or points out of the file.
Result<ElfKernel> ParseElfKernel(const ImageFile& file);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ELF_KERNEL_H_
