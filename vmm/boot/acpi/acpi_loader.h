// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_ACPI_LOADER_H_
#define SEALVM_VMM_BOOT_ACPI_ACPI_LOADER_H_

#include <stdint.h>

#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/boot/acpi/platform_description.h"

namespace sealvm {

// The ACPI tables for a firmware that puts them where it likes, as files of fw_cfg: pointers are
// offsets into `tables`, checksums are zero, and the script tells the firmware to add addresses and
// sums (QEMU hw/acpi/bios-linker-loader.c; edk2 OvmfPkg/AcpiPlatformDxe/QemuLoader.h).
struct AcpiLoaderFiles {
  static constexpr std::string_view kTablesName = "etc/acpi/tables";
  static constexpr std::string_view kRsdpName = "etc/acpi/rsdp";
  static constexpr std::string_view kScriptName = "etc/table-loader";

  std::vector<uint8_t> tables;
  std::vector<uint8_t> rsdp;
  std::vector<uint8_t> script;
};

// The same description gives the same bytes. Errors are those of BuildAcpiTables.
Result<AcpiLoaderFiles> BuildAcpiLoader(const PlatformDescription& platform);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_ACPI_LOADER_H_
