// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/fadt.h"

#include <stddef.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "devices/acpi_pm.h"
#include "devices/platform_addresses.h"
#include "vmm/boot/acpi/acpi_table.h"

namespace sealvm {
namespace {

constexpr uint8_t kRevision = 6;
constexpr uint8_t kMinorRevision = 5;
constexpr size_t kFadtSize = 276;

// Offsets, ACPI 6.5 table 5.9.
constexpr size_t kSciInterrupt = 46;
constexpr size_t kPm1aEventBlock = 56;
constexpr size_t kPm1aControlBlock = 64;
constexpr size_t kPmTimerBlock = 76;
constexpr size_t kPm1EventLength = 88;
constexpr size_t kPm1ControlLength = 89;
constexpr size_t kPmTimerLength = 91;
constexpr size_t kC2Latency = 96;
constexpr size_t kC3Latency = 98;
constexpr size_t kBootArchitecture = 109;
constexpr size_t kFlags = 112;
constexpr size_t kResetRegister = 116;
constexpr size_t kResetValue = 128;
constexpr size_t kMinorRevisionOffset = 131;
constexpr size_t kXPm1aEventBlock = 148;
constexpr size_t kXPm1aControlBlock = 172;
constexpr size_t kXPmTimerBlock = 208;
constexpr size_t kSleepControlRegister = 244;
constexpr size_t kSleepStatusRegister = 256;
constexpr size_t kHypervisorVendor = 268;

// IAPC_BOOT_ARCH, table 5.11.
constexpr uint16_t kLegacyDevices = 1 << 0;
constexpr uint16_t kHas8042 = 1 << 1;
constexpr uint16_t kVgaNotPresent = 1 << 2;
constexpr uint16_t kCmosRtcNotPresent = 1 << 5;

// Flags, table 5.10.
constexpr uint32_t kWbinvd = 1 << 0;
constexpr uint32_t kProcC1 = 1 << 2;
constexpr uint32_t kPowerButtonIsNotFixed = 1 << 4;
constexpr uint32_t kSleepButtonIsNotFixed = 1 << 5;
constexpr uint32_t kRtcWakeIsNotFixed = 1 << 6;
constexpr uint32_t kTimer32Bit = 1 << 8;
constexpr uint32_t kResetRegisterSupported = 1 << 10;
constexpr uint32_t kHeadless = 1 << 12;
constexpr uint32_t kHardwareReduced = 1 << 20;

// A latency above 100 (C2) or 1000 (C3) means that the state does not exist.
constexpr uint16_t kNoC2 = 101;
constexpr uint16_t kNoC3 = 1001;

constexpr uint8_t kPm1EventBytes = 4;
constexpr uint8_t kPm1ControlBytes = 2;
constexpr uint8_t kPmTimerBytes = 4;

// What is said to be absent is not probed: fewer exits at boot.
uint16_t BootArchitecture(const PlatformDescription& platform) {
  uint16_t flags = kVgaNotPresent;
  if (platform.serial || platform.pvpanic) flags |= kLegacyDevices;
  if (platform.i8042) flags |= kHas8042;
  if (!platform.rtc) flags |= kCmosRtcNotPresent;
  return flags;
}

uint32_t Flags(const PlatformDescription& platform) {
  uint32_t flags = kWbinvd | kProcC1 | kPowerButtonIsNotFixed | kSleepButtonIsNotFixed |
                   kRtcWakeIsNotFixed | kResetRegisterSupported | kHeadless;
  if (!platform.fixed_hardware) flags |= kHardwareReduced;
  if (platform.fixed_hardware && platform.fixed_hardware->pm_timer_port) flags |= kTimer32Bit;
  return flags;
}

void SetFixedHardware(AcpiTable& table, const AcpiFixedHardware& hardware) {
  table.Set16(kSciInterrupt, static_cast<uint16_t>(hardware.sci_gsi));
  table.Set8(kPm1EventLength, kPm1EventBytes);
  if (hardware.pm1_event_memory) {
    // The older field is for ports alone.
    table.SetMemoryAddress(kXPm1aEventBlock, *hardware.pm1_event_memory, kPm1EventBytes * 8);
  } else {
    table.Set32(kPm1aEventBlock, hardware.pm1_event_port);
    table.SetIoAddress(kXPm1aEventBlock, hardware.pm1_event_port, kPm1EventBytes * 8);
  }
  table.Set32(kPm1aControlBlock, hardware.pm1_control_port);
  table.Set8(kPm1ControlLength, kPm1ControlBytes);
  table.SetIoAddress(kXPm1aControlBlock, hardware.pm1_control_port, kPm1ControlBytes * 8);
  if (!hardware.pm_timer_port) return;
  table.Set32(kPmTimerBlock, *hardware.pm_timer_port);
  table.Set8(kPmTimerLength, kPmTimerBytes);
  table.SetIoAddress(kXPmTimerBlock, *hardware.pm_timer_port, kPmTimerBytes * 8);
}

void SetReducedHardware(AcpiTable& table) {
  table.SetIoAddress(kSleepControlRegister, kAcpiSleepControlPort, 8);
  table.SetIoAddress(kSleepStatusRegister, kAcpiSleepStatusPort, 8);
}

}  // namespace

std::vector<uint8_t> BuildFadt(const PlatformDescription& platform, uint32_t dsdt, uint32_t facs) {
  AcpiTable table("FACP", kRevision);
  table.Resize(kFadtSize);
  table.Set32(kFadtFirmwareCtrl, facs);
  table.Set32(kFadtDsdt, dsdt);
  table.Set64(kFadtXDsdt, dsdt);
  table.Set16(kC2Latency, kNoC2);
  table.Set16(kC3Latency, kNoC3);
  table.Set16(kBootArchitecture, BootArchitecture(platform));
  table.Set32(kFlags, Flags(platform));
  table.SetIoAddress(kResetRegister, kAcpiResetPort, 8);
  table.Set8(kResetValue, kAcpiResetValue);
  table.Set8(kMinorRevisionOffset, kMinorRevision);
  if (platform.fixed_hardware) {
    SetFixedHardware(table, *platform.fixed_hardware);
  } else {
    SetReducedHardware(table);
  }
  for (size_t i = 0; i < kAcpiOemId.size(); ++i) {
    table.Set8(kHypervisorVendor + i, static_cast<uint8_t>(kAcpiOemId[i]));
  }
  return std::move(table).Finish();
}

std::vector<uint8_t> BuildFacs() {
  constexpr std::string_view kSignature = "FACS";
  constexpr uint8_t kFacsSize = 64;
  constexpr size_t kLengthOffset = 4;
  constexpr size_t kVersionOffset = 32;
  constexpr uint8_t kVersion = 2;
  std::vector<uint8_t> facs(kFacsSize);
  std::ranges::copy(kSignature, facs.begin());
  facs[kLengthOffset] = kFacsSize;
  facs[kVersionOffset] = kVersion;
  return facs;
}

}  // namespace sealvm
