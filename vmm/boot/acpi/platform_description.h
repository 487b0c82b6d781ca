// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_PLATFORM_DESCRIPTION_H_
#define SEALVM_VMM_BOOT_ACPI_PLATFORM_DESCRIPTION_H_

#include <stdint.h>

#include <optional>
#include <vector>

#include "devices/platform_addresses.h"
#include "memory/guest_layout.h"

namespace sealvm {

// The fixed hardware of a platform that is not hardware-reduced (ACPI 6.5 section 4.8.3). SCI_EN
// must read as one: the tables have no SMI command to switch ACPI on.
struct AcpiFixedHardware {
  uint32_t sci_gsi = 9;
  uint16_t pm1_event_port = 0;  // 4 bytes
  // The event block is in memory here instead of at the port, if given.
  std::optional<Gpa> pm1_event_memory = {};
  uint16_t pm1_control_port = 0;  // 2 bytes
  std::optional<uint16_t> pm_timer_port = {};
};

// INTx of a PCI device on bus 0, for _PRT.
struct PciInterruptRoute {
  uint8_t device = 0;
  uint8_t pin = 0;  // 0 is INTA
  uint32_t gsi = 0;
};

struct PciHostBridge {
  uint8_t last_bus = 0;
  uint16_t io_base = kPciIoBase;
  uint32_t io_length = kPciIoLength;  // bytes; 0: no I/O window
  Gpa mmio_base = kPciMmioBase;
  uint64_t mmio_length = kPciMmioLength;  // bytes; 0: no memory window
  Gpa high_mmio_base = 0;
  uint64_t high_mmio_length = 0;  // bytes; 0: no window above 4 GiB
  std::vector<PciInterruptRoute> routes = {};
};

// What the ACPI tables tell the guest about its machine. Addresses that do not vary come from
// devices/platform_addresses.h. A device that is not announced costs the guest no probing.
struct PlatformDescription {
  // Local APIC identifiers in the order of the vCPUs; at least one, each once.
  std::vector<uint32_t> apic_ids = {0};
  bool io_apic = true;
  // A PC/AT pair of 8259s: guests use it if there is no I/O APIC.
  bool dual_8259 = false;
  // Without it the platform is hardware-reduced: sleep and reset registers alone.
  std::optional<AcpiFixedHardware> fixed_hardware = {};
  bool serial = true;
  bool rtc = false;
  bool i8042 = false;
  bool pvpanic = true;
  bool power_button = true;
  std::optional<PciHostBridge> pci_host_bridge = {};
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_PLATFORM_DESCRIPTION_H_
