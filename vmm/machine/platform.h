// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_PLATFORM_H_
#define SEALVM_VMM_MACHINE_PLATFORM_H_

#include <memory>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/guest_request.h"
#include "devices/serial/serial_port.h"
#include "memory/guest_layout.h"
#include "vmm/boot/acpi/platform_description.h"
#include "vmm/machine/interrupt_lines.h"

namespace sealvm {

// The machine's devices on their buses. What is inserted here and what Describe() tells the guest
// stay together in one file.
class Platform {
 public:
  enum class Kind {
    kStandard,  // I/O APIC, hardware-reduced ACPI
    kPortIo,    // nothing that a guest reaches by MMIO: 8259s in the place of the I/O APIC
  };

  // `requests` outlives the platform.
  static Result<std::unique_ptr<Platform>> Create(InterruptLines& lines, const GuestLayout& layout,
                                                  GuestRequestSink& requests,
                                                  SerialPortCallbacks serial_callbacks,
                                                  Logger logger);

  Bus& pio() { return pio_; }
  Bus& mmio() { return mmio_; }
  SerialPort& serial() { return *serial_; }
  AcpiPm& acpi_pm() { return *acpi_pm_; }

  static PlatformDescription Describe(uint32_t cpus, Kind kind);

 private:
  Platform(InterruptLines& lines, GuestRequestSink& requests, SerialPortCallbacks serial_callbacks,
           Logger logger);
  Result<> InsertDevices(const GuestLayout& layout, GuestRequestSink& requests);

  const Logger logger_;
  Bus pio_{"I/O port", logger_};
  Bus mmio_{"MMIO", logger_};
  const std::unique_ptr<InterruptLine> serial_line_;
  const std::unique_ptr<InterruptLine> ged_line_;
  std::shared_ptr<SerialPort> serial_;
  std::shared_ptr<AcpiPm> acpi_pm_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_PLATFORM_H_
