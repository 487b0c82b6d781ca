// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_FIRMWARE_BOOT_H_
#define SEALVM_VMM_MACHINE_FIRMWARE_BOOT_H_

#include <stdint.h>

#include <memory>
#include <string>
#include <utility>

#include "devices/bus.h"
#include "devices/firmware_debug_port.h"
#include "devices/guest_request.h"
#include "devices/pci/pci_bus.h"
#include "memory/base/result.h"
#include "memory/shared_view.h"
#include "vmm/api/config.h"
#include "vmm/boot/acpi/platform_description.h"
#include "vmm/boot/firmware/firmware_image.h"
#include "vmm/boot/firmware_items.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/firmware_log.h"

namespace sealvm {

// Where OVMF expects a 82440FX to forward addresses (edk2 OvmfPkg/Library/PlatformInitLib,
// PlatformMemMapInitialization), and places BARs.
PciWindows OvmfPciWindows(const GuestLayout& layout);

// A machine's firmware: its ROM, and the devices that it alone uses. docs/firmware.md tells the
// platform. One thread; the devices are any's.
class FirmwareBoot {
 public:
  // Opens the files that `config` names and checks them, on any host.
  static Result<std::unique_ptr<FirmwareBoot>> Open(const MachineConfig& config, Logger logger);
  FirmwareBoot(const FirmwareBoot&) = delete;
  FirmwareBoot& operator=(const FirmwareBoot&) = delete;

  // Puts the image below 4 GiB as a ROM, in memslot `slot`: what the guest writes there is lost.
  // The object outlives `vm`.
  Result<> MapRom(kvm::Vm& vm, uint32_t slot);
  // Inserts fw_cfg, the debug port and the power management registers. `requests` outlives `pio`.
  Result<> InsertDevices(Bus& pio, GuestRequestSink& requests, std::shared_ptr<SharedView> memory,
                         const PlatformDescription& platform, const std::string& cmdline);
  const FirmwareImage& image() const { return firmware_; }
  const FirmwareBootFiles& files() const { return files_; }
  // What was written of the log's last line.
  void FlushLog();

 private:
  FirmwareBoot(FirmwareImage firmware, FirmwareBootFiles files, FirmwareLog log, Logger logger);

  const FirmwareImage firmware_;
  const FirmwareBootFiles files_;
  FirmwareLog log_;
  const Logger logger_;
  const std::shared_ptr<FirmwareDebugPort> debug_port_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_FIRMWARE_BOOT_H_
