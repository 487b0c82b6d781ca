// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_FIRMWARE_ITEMS_H_
#define SEALVM_VMM_BOOT_FIRMWARE_ITEMS_H_

#include <stdint.h>

#include <memory>
#include <string>

#include "devices/fw_cfg/fw_cfg_items.h"
#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/acpi/platform_description.h"
#include "vmm/boot/image_file.h"

namespace sealvm {

// What a firmware boots from; null: none.
struct FirmwareBootFiles {
  std::shared_ptr<const ImageFile> kernel = {};
  std::shared_ptr<const ImageFile> initrd = {};  // with a kernel alone
};

// Whether a firmware can load them: the kernel must be an EFI program, which is what most firmware
// starts it as, or a bzImage, which guest-fw starts without an EFI stub too; and both must be
// smaller than 4 GiB. kInvalidInput names the file.
Result<> CheckFirmwareBootFiles(const FirmwareBootFiles& files);

// What fw_cfg tells a firmware: RAM (etc/e820), vCPUs, ACPI tables with their loader script, and
// kernel, initrd and command line. The kernel's items are the file's bytes as they are, cut where
// its setup part ends: one behind the other they have the file's digest. `files` are checked.
Result<FwCfgItems> MakeFirmwareItems(const GuestLayout& layout, const PlatformDescription& platform,
                                     const FirmwareBootFiles& files, const std::string& cmdline);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_FIRMWARE_ITEMS_H_
