// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_DSDT_H_
#define SEALVM_VMM_BOOT_ACPI_DSDT_H_

#include <stdint.h>

#include <vector>

#include "vmm/boot/acpi/platform_description.h"

namespace sealvm {

// The Differentiated System Description Table: the devices that a guest cannot enumerate, with
// their resources, and the sleep type of S5.
std::vector<uint8_t> BuildDsdt(const PlatformDescription& platform);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_DSDT_H_
