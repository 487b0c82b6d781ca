// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_ACPI_LOADER_H_
#define SEALVM_GUEST_FW_MEASURED_ACPI_LOADER_H_

#include <stddef.h>
#include <stdint.h>

#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/fw_cfg.h"
#include "guest-fw/measured/guest_memory.h"

namespace sealvm::measured {

// Bytes that ACPI tables and what their loading needs may take.
inline constexpr uint64_t kAcpiAreaSize = 512 * 1024;

// Installs ACPI tables as fw_cfg's "etc/table-loader" tells: a script of commands that load files,
// make their pointers absolute and add checksums (QEMU hw/acpi/bios-linker-loader.c, edk2
// OvmfPkg/AcpiPlatformDxe/QemuLoader.h). The script and the files come from the host: no command
// reaches out of the files that the script has loaded, and they not out of the area.
class AcpiLoader {
 public:
  // `area` is private memory of the firmware's, page aligned and below 4 GiB.
  AcpiLoader(FwCfg& fw_cfg, const GuestMemory& memory, const Range& area)
      : fw_cfg_(fw_cfg), memory_(memory), area_(area), next_(area.base), end_(area.end()) {}

  // Where the RSDP is. kAcpiScript, kAcpiMemory, kFwCfgFile.
  Failure Run(uint64_t* rsdp);
  // Where the area is free from, after Run.
  uint64_t next() const { return next_; }

 private:
  static constexpr size_t kNameSize = 56;
  static constexpr size_t kMaxFiles = 8;

  struct LoadedFile {
    char name[kNameSize];
    Range range;
  };

  Failure Execute(uint64_t command);
  Failure Allocate(uint64_t command);
  Failure AddPointer(uint64_t command);
  Failure AddChecksum(uint64_t command);
  // Null when no file of this name was loaded. `name` is an address.
  const LoadedFile* FileAt(uint64_t name) const;
  bool Take(uint64_t size, uint64_t alignment, uint64_t* base);

  FwCfg& fw_cfg_;
  const GuestMemory memory_;
  const Range area_;
  uint64_t next_;
  uint64_t end_;  // of what tables may take: the script is behind
  LoadedFile files_[kMaxFiles];
  size_t file_count_ = 0;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_ACPI_LOADER_H_
