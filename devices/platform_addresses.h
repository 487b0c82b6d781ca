// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PLATFORM_ADDRESSES_H_
#define SEALVM_DEVICES_PLATFORM_ADDRESSES_H_

#include <stdint.h>

namespace sealvm {

// Where the platform's devices lie: I/O ports, guest physical addresses (bytes) and global system
// interrupts. The machine inserts devices here and the ACPI tables tell the guest, so both include
// this header and neither writes a number of its own.

// The PC's ISA ports; sources: the devices' own headers.
inline constexpr uint16_t kSerialBase = 0x3f8;  // COM1
inline constexpr uint16_t kSerialLength = 8;
inline constexpr uint32_t kSerialGsi = 4;

inline constexpr uint16_t kI8042DataPort = 0x60;
inline constexpr uint16_t kI8042CommandPort = 0x64;
inline constexpr uint16_t kI8042PortLength = 1;

inline constexpr uint16_t kRtcBase = 0x70;  // index, data
inline constexpr uint16_t kRtcLength = 2;

inline constexpr uint16_t kDebugPort = 0x80;
inline constexpr uint16_t kDebugPortLength = 1;

inline constexpr uint16_t kPort92 = 0x92;
inline constexpr uint16_t kPort92Length = 1;

// Paravirtual ports, where QEMU has them by default.
inline constexpr uint16_t kExitDevicePort = 0xf4;
inline constexpr uint16_t kExitDeviceLength = 4;

// Where a sealed guest's loader reports (guest-fw/loader/handover_schema.h).
inline constexpr uint16_t kSealedStatusPort = 0x510;
inline constexpr uint16_t kSealedStatusLength = 4;

inline constexpr uint16_t kPvpanicPort = 0x505;
inline constexpr uint16_t kPvpanicLength = 1;

// ACPI power management: one window of byte registers (see devices/acpi_pm.h).
inline constexpr uint16_t kAcpiPmBase = 0x600;
inline constexpr uint16_t kAcpiPmLength = 4;
inline constexpr uint16_t kAcpiSleepControlPort = kAcpiPmBase + 0;
inline constexpr uint16_t kAcpiSleepStatusPort = kAcpiPmBase + 1;
inline constexpr uint16_t kAcpiResetPort = kAcpiPmBase + 2;
inline constexpr uint16_t kAcpiGedStatusPort = kAcpiPmBase + 3;
// The registers of a platform with fixed ACPI hardware (see devices/acpi_pm1.h), and its interrupt.
inline constexpr uint16_t kAcpiPm1Base = 0x608;
inline constexpr uint16_t kAcpiPm1Length = 6;
inline constexpr uint16_t kAcpiPm1EventPort = kAcpiPm1Base + 0;
inline constexpr uint16_t kAcpiPm1ControlPort = kAcpiPm1Base + 4;
inline constexpr uint32_t kAcpiSciGsi = 9;
// The Generic Event Device's interrupt: an edge per event, active high.
inline constexpr uint32_t kAcpiGedGsi = 5;

// What OVMF looks for and cannot be told of. fw_cfg (see devices/fw_cfg); the debug port
// (OvmfPkg/OvmfPkg.dec, PcdDebugIoPort); the 82371's power management registers, at the base that
// OVMF's shutdown has built in (OvmfPkg/Include/OvmfPlatforms.h, PIIX4_PMBA_VALUE), and the sleep
// type that it turns off with (OvmfPkg/Library/ResetSystemLib).
inline constexpr uint16_t kFwCfgBase = 0x510;
inline constexpr uint16_t kFwCfgLength = 12;
inline constexpr uint16_t kFirmwareDebugPort = 0x402;
inline constexpr uint16_t kFirmwareDebugPortLength = 1;
inline constexpr uint16_t kPiix4PmBase = 0xb000;
inline constexpr uint16_t kPiix4PmTimer = kPiix4PmBase + 8;
inline constexpr uint16_t kAcpiPmTimerLength = 4;
inline constexpr uint8_t kPiix4S5SleepType = 0;

// PCI: configuration mechanism #1 (PCI Local Bus 3.0 section 3.2.2.3.2) and the windows that the
// host bridge forwards. The memory window lies in the hole between low and high RAM, below the
// interrupt controllers.
inline constexpr uint16_t kPciConfigAddressPort = 0xcf8;
inline constexpr uint16_t kPciConfigDataPort = 0xcfc;
inline constexpr uint16_t kPciConfigPortLength = 4;
inline constexpr uint16_t kPciIoBase = 0x1000;
inline constexpr uint32_t kPciIoLength = 0xf000;
inline constexpr uint64_t kPciMmioBase = 0xc000'0000;
inline constexpr uint64_t kPciMmioLength = 0x3ec0'0000;  // up to 0xfebf'ffff

// Interrupt controllers: Intel 82093AA section 3.1, Intel SDM vol. 3A section 11.4.1.
inline constexpr uint64_t kIoApicBase = 0xfec0'0000;
inline constexpr uint32_t kIoApicPins = 24;
inline constexpr uint64_t kLapicBase = 0xfee0'0000;

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PLATFORM_ADDRESSES_H_
