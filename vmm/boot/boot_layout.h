// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_BOOT_LAYOUT_H_
#define SEALVM_VMM_BOOT_BOOT_LAYOUT_H_

#include <stdint.h>

#include "memory/guest_layout.h"

namespace sealvm {

// The PC's first MiB. Conventional memory ends where a BIOS would keep its extended data area, one
// KiB below the video memory; the BIOS area holds our ACPI tables, because kernels with a boot
// protocol below 2.14 look for the RSDP there (ACPI 6.5 section 5.2.5.1).
inline constexpr Gpa kConventionalMemoryEnd = 0x9fc00;
inline constexpr Gpa kVideoMemoryBase = 0xa0000;
inline constexpr Gpa kAcpiAreaBase = 0xe0000;
inline constexpr uint64_t kAcpiAreaSize = 0x20000;
inline constexpr Gpa kFirstMiB = 0x100000;

inline constexpr uint64_t kZeroPageSize = 4096;  // sizeof(struct boot_params)
inline constexpr uint64_t kStartInfoAreaSize = 4096;
inline constexpr uint64_t kGdtAreaSize = 4096;
// A command line of a bzImage may be as long as its header says, but not longer than this.
inline constexpr uint64_t kCmdlineAreaSize = 64 * kKiB;
inline constexpr uint64_t kSetupDataAreaSize = 256 * kKiB;

// Where the structures lie that a kernel finds at its entry. The defaults are for guests whose
// first MiB is theirs like all other RAM: conventional memory, where neither a kernel nor an initrd
// goes. Page 0 stays free (real-mode vectors and BIOS data area), and so does the upper end of
// conventional memory, which kernels use for their real-mode trampolines. A mode that shares the
// first MiB with the host gives other addresses.
struct BootLayout {
  Gpa gdt = 0x6000;
  Gpa zero_page = 0x7000;
  Gpa start_info = 0x8000;   // PVH: hvm_start_info, module list, memory map
  Gpa page_tables = 0x9000;  // kPageTablesSize bytes
  Gpa cmdline = 0x20000;
  Gpa setup_data = 0x30000;  // kSetupDataAreaSize bytes, used when there is setup_data
  Gpa acpi = kAcpiAreaBase;  // kAcpiAreaSize bytes; the RSDP is at its start
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_BOOT_LAYOUT_H_
