// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_ACPI_TABLES_H_
#define SEALVM_VMM_BOOT_ACPI_ACPI_TABLES_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/acpi/platform_description.h"

namespace sealvm {

// Root System Description Pointer (ACPI 6.5 section 5.2.5.3): its size, the part of it that its
// first checksum covers, and offsets.
inline constexpr size_t kRsdpSize = 36;
inline constexpr size_t kRsdpVersion1Size = 20;
inline constexpr size_t kRsdpChecksum = 8;
inline constexpr size_t kRsdpXsdt = 24;  // 8 bytes
inline constexpr size_t kRsdpExtendedChecksum = 32;

struct AcpiTablePlace {
  std::string signature;  // "FACP"
  Gpa gpa = 0;
  uint64_t size = 0;  // bytes
};

// All tables as one piece of memory for `base`, which is also the RSDP's address.
struct AcpiTables {
  Gpa base = 0;
  std::vector<uint8_t> bytes;
  // Every table but the RSDP, ascending.
  std::vector<AcpiTablePlace> tables;
};

// Builds RSDP, XSDT, FADT, MADT and DSDT, and a FACS if there is fixed hardware: ACPI 6.5. The same
// description gives the same bytes. `base` is a multiple of 64 below 4 GiB. kHost when the tables
// are larger than `limit` bytes or the description makes no sense.
Result<AcpiTables> BuildAcpiTables(const PlatformDescription& platform, Gpa base, uint64_t limit);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_ACPI_TABLES_H_
