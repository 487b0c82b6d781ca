// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/platform.h"

#include <numeric>
#include <utility>

#include "devices/acpi_pm1.h"
#include "devices/cmos_rtc.h"
#include "devices/debug_port.h"
#include "devices/exit_device.h"
#include "devices/i8042.h"
#include "devices/platform_addresses.h"
#include "devices/port92.h"
#include "devices/pvpanic.h"
#include "vmm/isolation/sealed/sealed_layout.h"

namespace sealvm {
namespace {

CmosMemory MemoryForCmos(const GuestLayout& layout) {
  const uint64_t low = layout.low_ram().size;
  return {.below_4g = low, .above_4g = layout.ram_size() - low};
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::Create(InterruptLines& lines, const GuestLayout& layout,
                                                   GuestRequestSink& requests,
                                                   SerialPortCallbacks serial_callbacks,
                                                   Logger logger) {
  std::unique_ptr<Platform> platform(
      new Platform(lines, requests, std::move(serial_callbacks), std::move(logger)));
  SEALVM_TRY(platform->InsertDevices(layout, requests));
  return platform;
}

Platform::Platform(InterruptLines& lines, GuestRequestSink& requests,
                   SerialPortCallbacks serial_callbacks, Logger logger)
    : logger_(std::move(logger)),
      serial_line_(lines.NewLine(kSerialGsi)),
      ged_line_(lines.NewLine(kAcpiGedGsi)),
      serial_(std::make_shared<SerialPort>(*serial_line_, std::move(serial_callbacks))),
      acpi_pm_(std::make_shared<AcpiPm>(requests, *ged_line_)) {}

Result<> Platform::InsertDevices(const GuestLayout& layout, GuestRequestSink& requests) {
  const I8042Ports i8042 = MakeI8042(requests);
  SEALVM_TRY(pio_.Insert(kI8042DataPort, kI8042PortLength, i8042.data));
  SEALVM_TRY(pio_.Insert(kI8042CommandPort, kI8042PortLength, i8042.command));
  SEALVM_TRY(pio_.Insert(kRtcBase, kRtcLength, std::make_shared<CmosRtc>(MemoryForCmos(layout))));
  SEALVM_TRY(pio_.Insert(kDebugPort, kDebugPortLength, std::make_shared<DebugPort>(requests)));
  SEALVM_TRY(pio_.Insert(kPort92, kPort92Length, std::make_shared<Port92>(requests)));
  SEALVM_TRY(
      pio_.Insert(kExitDevicePort, kExitDeviceLength, std::make_shared<ExitDevice>(requests)));
  SEALVM_TRY(pio_.Insert(kSerialBase, kSerialLength, serial_));
  SEALVM_TRY(
      pio_.Insert(kPvpanicPort, kPvpanicLength, std::make_shared<Pvpanic>(requests, logger_)));
  SEALVM_TRY(pio_.Insert(kAcpiPm1Base, kAcpiPm1Length, std::make_shared<AcpiPm1>(requests)));
  return pio_.Insert(kAcpiPmBase, kAcpiPmLength, acpi_pm_);
}

PlatformDescription Platform::Describe(uint32_t cpus, Kind kind) {
  PlatformDescription description;
  description.apic_ids.resize(cpus);
  std::iota(description.apic_ids.begin(), description.apic_ids.end(), 0);
  // Not announced: the i8042, which is there for its reset line, and the CMOS clock, whose driver
  // makes 146 exits to learn what kvm-clock says in none. Guests that look for them by themselves
  // find them.
  description.i8042 = false;
  description.rtc = false;
  if (kind == Kind::kPortIo) {
    // A hardware-reduced platform has no 8259s for Linux, so this one has the fixed registers. No
    // fixed event ever happens, so the event block is plain memory: Linux touches it some twenty
    // times at boot.
    description.io_apic = false;
    description.dual_8259 = true;
    description.fixed_hardware = AcpiFixedHardware{.sci_gsi = kAcpiSciGsi,
                                                   .pm1_event_memory = kSealedPm1EventBlock,
                                                   .pm1_control_port = kAcpiPm1ControlPort,
                                                   .pm_timer_port = std::nullopt};
  }
  return description;
}

}  // namespace sealvm
