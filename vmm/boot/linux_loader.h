// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_LINUX_LOADER_H_
#define SEALVM_VMM_BOOT_LINUX_LOADER_H_

#include <stdint.h>

#include <span>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_memory.h"
#include "vmm/boot/boot_layout.h"
#include "vmm/boot/boot_params.h"
#include "vmm/boot/entry_state.h"
#include "vmm/boot/image_file.h"
#include "vmm/boot/kernel_image.h"
#include "vmm/boot/placement.h"

namespace sealvm {

// Which entry of a kernel to use.
enum class EntryChoice {
  // The 64-bit entry of a bzImage. Of an ELF file: PVH if it has a PVH note and is not Linux (a
  // unikernel or a firmware whose e_entry means nothing to us), else e_entry by the 64-bit
  // protocol.
  // Linux has both and needs less at the 64-bit one: it is in long mode already.
  kAuto,
  kLinux64,
  kPvh,
};

// What a guest boots from. Everything pointed to stays with the caller and must outlive the call.
struct BootSources {
  const KernelImage* kernel = nullptr;  // required
  const ImageFile* initrd = nullptr;    // optional
  std::string cmdline = {};
  EntryChoice entry = EntryChoice::kAuto;
  // Put at layout.acpi, with the RSDP first; empty: the guest gets none.
  std::span<const uint8_t> acpi_tables = {};
  // Handed to Linux in this order, through the 64-bit entry only.
  std::vector<SetupDataItem> setup_data = {};
  BootLayout layout = {};
  // The C-bit of page-table entries for guests with encrypted memory.
  uint64_t encryption_mask = 0;
};

// What LoadGuest did: how to enter the kernel, and what lies where.
struct BootState {
  EntryState entry;
  std::vector<LoadedRegion> regions;
};

// The entry that kAuto stands for. kInvalidInput when the kernel has not the one that is asked for.
Result<BootProtocol> ChooseProtocol(const KernelImage& kernel, EntryChoice choice);

// Puts kernel, initrd, command line, boot structures, page tables and ACPI tables into `memory`,
// which must be fresh: what a kernel expects to be zero is not written. Errors about sizes name
// the file and --memory, with what is needed and what is there.
Result<BootState> LoadGuest(GuestMemory& memory, const BootSources& sources);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_LINUX_LOADER_H_
