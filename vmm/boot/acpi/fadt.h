// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_FADT_H_
#define SEALVM_VMM_BOOT_ACPI_FADT_H_

#include <stddef.h>
#include <stdint.h>

#include <vector>

#include "vmm/boot/acpi/platform_description.h"

namespace sealvm {

// Offsets of its pointers (ACPI 6.5 table 5.9): 4, 4 and 8 bytes.
inline constexpr size_t kFadtFirmwareCtrl = 36;
inline constexpr size_t kFadtDsdt = 40;
inline constexpr size_t kFadtXDsdt = 140;

// The Fixed ACPI Description Table, revision 6 (ACPI 6.5 section 5.2.9). `facs` is 0 for a
// hardware-reduced platform, which has none. Both lie below 4 GiB.
std::vector<uint8_t> BuildFadt(const PlatformDescription& platform, uint32_t dsdt, uint32_t facs);

// The Firmware ACPI Control Structure (section 5.2.10): 64 bytes, to be aligned to as many.
inline constexpr uint64_t kFacsAlignment = 64;
std::vector<uint8_t> BuildFacs();

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_FADT_H_
