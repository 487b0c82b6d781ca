// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_PAGE_TABLES_H_
#define SEALVM_VMM_BOOT_PAGE_TABLES_H_

#include <stdint.h>

#include <vector>

#include "memory/guest_layout.h"

namespace sealvm {

// The first 4 GiB are mapped one to one by 2 MiB pages: one PML4, one PDPT, four page directories.
// 1 GiB pages would map more with less, but not every guest CPU model has them.
inline constexpr uint64_t kIdentityMapSize = 4 * kGiB;
inline constexpr uint64_t kPageTablesSize = 6 * kPageSize;

// The page tables for the 64-bit entry, to be put at `base` (page aligned), with the PML4 first.
// `encryption_mask` is or-ed into every entry of every level: the C-bit of guests with encrypted
// memory, else 0. Source of the bits: Intel SDM vol. 3A section 4.5.
std::vector<uint8_t> BuildIdentityPageTables(Gpa base, uint64_t encryption_mask);

// Selectors of the 64-bit boot protocol (Linux Documentation/arch/x86/boot.rst, "64-bit Boot
// Protocol").
inline constexpr uint16_t kBootCodeSelector = 0x10;
inline constexpr uint16_t kBootDataSelector = 0x18;
inline constexpr uint16_t kBootTaskSelector = 0x20;

inline constexpr uint16_t kBootGdtSize = kBootTaskSelector + 16;  // a 64-bit TSS descriptor

// A GDT of kBootGdtSize bytes with flat 4 GiB segments under these selectors: 64-bit code for the
// 64-bit entry, 32-bit code for PVH.
std::vector<uint8_t> BuildBootGdt(bool code_64bit);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_PAGE_TABLES_H_
