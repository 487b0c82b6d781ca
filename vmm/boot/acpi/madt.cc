// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/madt.h"

#include <stddef.h>

#include <utility>

#include "devices/platform_addresses.h"
#include "vmm/boot/acpi/acpi_table.h"

namespace sealvm {
namespace {

constexpr uint8_t kRevision = 6;
constexpr uint32_t kPcatCompat = 1 << 0;

// Interrupt controller structures, section 5.2.12, table 5.21: type and length.
constexpr uint8_t kLocalApicType = 0;
constexpr uint8_t kLocalApicLength = 8;
constexpr uint8_t kIoApicType = 1;
constexpr uint8_t kIoApicLength = 12;
constexpr uint8_t kSourceOverrideType = 2;
constexpr uint8_t kSourceOverrideLength = 10;
constexpr uint8_t kLocalX2ApicType = 9;
constexpr uint8_t kLocalX2ApicLength = 16;

constexpr uint32_t kEnabled = 1 << 0;
// 255 addresses all local APICs, so it and what follows needs the x2APIC structure.
constexpr uint32_t kFirstX2ApicId = 255;

void AppendProcessor(AcpiTable& table, uint32_t uid, uint32_t apic_id) {
  if (apic_id < kFirstX2ApicId && uid < kFirstX2ApicId) {
    table.Append8(kLocalApicType);
    table.Append8(kLocalApicLength);
    table.Append8(static_cast<uint8_t>(uid));
    table.Append8(static_cast<uint8_t>(apic_id));
    table.Append32(kEnabled);
    return;
  }
  table.Append8(kLocalX2ApicType);
  table.Append8(kLocalX2ApicLength);
  table.Append16(0);
  table.Append32(apic_id);
  table.Append32(kEnabled);
  table.Append32(uid);
}

void AppendIoApic(AcpiTable& table) {
  table.Append8(kIoApicType);
  table.Append8(kIoApicLength);
  table.Append8(0);  // identifier
  table.Append8(0);
  table.Append32(static_cast<uint32_t>(kIoApicBase));
  table.Append32(0);  // its first global system interrupt
}

// The SCI is level triggered and active high, which ISA interrupts are not.
void AppendSciOverride(AcpiTable& table, uint32_t gsi) {
  constexpr uint8_t kIsaBus = 0;
  constexpr uint16_t kActiveHigh = 0x1;
  constexpr uint16_t kLevelTriggered = 0x3 << 2;
  table.Append8(kSourceOverrideType);
  table.Append8(kSourceOverrideLength);
  table.Append8(kIsaBus);
  table.Append8(static_cast<uint8_t>(gsi));
  table.Append32(gsi);
  table.Append16(kActiveHigh | kLevelTriggered);
}

}  // namespace

std::vector<uint8_t> BuildMadt(const PlatformDescription& platform) {
  AcpiTable table("APIC", kRevision);
  table.Append32(static_cast<uint32_t>(kLapicBase));
  table.Append32(platform.dual_8259 ? kPcatCompat : 0);
  for (size_t i = 0; i < platform.apic_ids.size(); ++i) {
    AppendProcessor(table, static_cast<uint32_t>(i), platform.apic_ids[i]);
  }
  if (platform.io_apic) AppendIoApic(table);
  if (platform.fixed_hardware) AppendSciOverride(table, platform.fixed_hardware->sci_gsi);
  return std::move(table).Finish();
}

}  // namespace sealvm
