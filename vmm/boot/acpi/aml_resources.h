// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_AML_RESOURCES_H_
#define SEALVM_VMM_BOOT_ACPI_AML_RESOURCES_H_

#include <stdint.h>

#include "vmm/boot/acpi/aml.h"

// Resource descriptors for _CRS (ACPI 6.5 section 6.4). Lengths in bytes or numbers, never 0.
namespace sealvm::aml {

// A buffer that holds the descriptors and their end tag.
Bytes ResourceTemplate(Terms descriptors);

// Fixed I/O ports, 16-bit decoded.
Bytes IoPorts(uint16_t base, uint8_t length);
// A global system interrupt: edge triggered, active high, not shared.
Bytes EdgeInterrupt(uint32_t gsi);
// The same, level triggered.
Bytes LevelInterrupt(uint32_t gsi);

// What a bridge forwards (ResourceProducer, positive decode, fixed ends).
Bytes BusNumberWindow(uint8_t first, uint16_t count);
Bytes IoWindow(uint16_t base, uint32_t length);
// Memory, not cacheable, read-write; chooses 32- or 64-bit descriptors by the window's end.
Bytes MemoryWindow(uint64_t base, uint64_t length);

}  // namespace sealvm::aml

#endif  // SEALVM_VMM_BOOT_ACPI_AML_RESOURCES_H_
