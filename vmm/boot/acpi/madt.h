// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_MADT_H_
#define SEALVM_VMM_BOOT_ACPI_MADT_H_

#include <stdint.h>

#include <vector>

#include "vmm/boot/acpi/platform_description.h"

namespace sealvm {

// The Multiple APIC Description Table (ACPI 6.5 section 5.2.12): local APICs with identifiers below
// 255, local x2APICs from there on, the I/O APIC if there is one.
std::vector<uint8_t> BuildMadt(const PlatformDescription& platform);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_MADT_H_
