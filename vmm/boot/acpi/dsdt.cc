// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/dsdt.h"

#include "devices/acpi_pm.h"
#include "devices/platform_addresses.h"
#include "vmm/boot/acpi/acpi_table.h"
#include "vmm/boot/acpi/aml.h"
#include "vmm/boot/acpi/aml_resources.h"

namespace sealvm {
namespace {

// Revision 2 makes AML integers 64 bits wide (ACPI 6.5 section 5.2.11.1).
constexpr uint8_t kDsdtRevision = 2;
// Notify value of a button's "S0 power button pressed" (section 4.8.2.2.1.2).
constexpr uint64_t kButtonPressed = 0x80;
// _STA: present, enabled, decoding, functioning; without the bit "show in the user interface".
constexpr uint64_t kPresentAndHidden = 0xb;

// PNP0501: 16550A-compatible serial port. An 8259 keeps an edge that came while its input was
// masked, and gives the guest an interrupt for nothing.
aml::Bytes Serial(bool on_8259) {
  return aml::Device("COM1",
                     {aml::Name("_HID", aml::EisaId("PNP0501")), aml::Name("_UID", aml::Integer(1)),
                      aml::Name("_CRS", aml::ResourceTemplate({
                                            aml::IoPorts(kSerialBase, kSerialLength),
                                            on_8259 ? aml::LevelInterrupt(kSerialGsi)
                                                    : aml::EdgeInterrupt(kSerialGsi),
                                        }))});
}

// PNP0B00: AT real-time clock. Ours never interrupts.
aml::Bytes Rtc() {
  return aml::Device("RTC_", {aml::Name("_HID", aml::EisaId("PNP0B00")),
                              aml::Name("_CRS", aml::ResourceTemplate({
                                                    aml::IoPorts(kRtcBase, kRtcLength),
                                                }))});
}

// QEMU0001: the pvpanic port (QEMU docs/specs/pvpanic.rst).
aml::Bytes Pvpanic() {
  return aml::Device("PEVT", {aml::Name("_HID", aml::String("QEMU0001")),
                              aml::Name("_STA", aml::Integer(kPresentAndHidden)),
                              aml::Name("_CRS", aml::ResourceTemplate({
                                                    aml::IoPorts(kPvpanicPort, kPvpanicLength),
                                                }))});
}

// PNP0C0C: control-method power button.
aml::Bytes PowerButton() {
  return aml::Device("PWRB", {aml::Name("_HID", aml::EisaId("PNP0C0C"))});
}

// ACPI0013: Generic Event Device (section 5.6.9). Reading the status port clears it, so it is read
// once.
aml::Bytes GenericEventDevice() {
  return aml::Device(
      "GED_", {aml::Name("_HID", aml::String("ACPI0013")), aml::Name("_UID", aml::Integer(0)),
               aml::Name("_CRS", aml::ResourceTemplate({aml::EdgeInterrupt(kAcpiGedGsi)})),
               aml::IoRegion("GREG", kAcpiGedStatusPort, 1), aml::ByteField("GREG", "GSTS"),
               aml::Method("_EVT", 1,
                           {aml::Store(aml::NamePath("GSTS"), aml::Local(0)),
                            aml::If(aml::And(aml::Local(0), aml::Integer(kAcpiGedPowerButton)),
                                    {aml::Notify("\\_SB_.PWRB", kButtonPressed)})})});
}

// _PRT: { address (device, any function), pin, no link device, GSI }.
aml::Bytes RoutingTable(const PciHostBridge& bridge) {
  std::vector<aml::Bytes> routes;
  for (const PciInterruptRoute& route : bridge.routes) {
    constexpr uint64_t kAnyFunction = 0xffff;
    const uint64_t address = uint64_t{route.device} << 16 | kAnyFunction;
    routes.push_back(aml::Package({aml::Integer(address), aml::Integer(route.pin), aml::Integer(0),
                                   aml::Integer(route.gsi)}));
  }
  return aml::Package(routes);
}

aml::Bytes BridgeResources(const PciHostBridge& bridge) {
  const aml::Bytes none;
  return aml::ResourceTemplate({
      aml::BusNumberWindow(0, uint16_t{bridge.last_bus} + 1),
      // The configuration ports are the bridge's own.
      aml::IoPorts(kPciConfigAddressPort, 2 * kPciConfigPortLength),
      bridge.io_length == 0 ? none : aml::IoWindow(bridge.io_base, bridge.io_length),
      bridge.mmio_length == 0 ? none : aml::MemoryWindow(bridge.mmio_base, bridge.mmio_length),
      bridge.high_mmio_length == 0
          ? none
          : aml::MemoryWindow(bridge.high_mmio_base, bridge.high_mmio_length),
  });
}

// PNP0A03: PCI host bridge.
aml::Bytes HostBridge(const PciHostBridge& bridge) {
  const aml::Bytes routing =
      bridge.routes.empty() ? aml::Bytes() : aml::Name("_PRT", RoutingTable(bridge));
  return aml::Device("PCI0",
                     {aml::Name("_HID", aml::EisaId("PNP0A03")), aml::Name("_UID", aml::Integer(0)),
                      aml::Name("_SEG", aml::Integer(0)), aml::Name("_BBN", aml::Integer(0)),
                      aml::Name("_CRS", BridgeResources(bridge)), routing});
}

// \_S5: SLP_TYP for the sleep control register or PM1a, the same for PM1b, two reserved (section
// 7.4.2).
aml::Bytes SoftOff() {
  return aml::Name("\\_S5_",
                   aml::Package({aml::Integer(kAcpiS5SleepType), aml::Integer(kAcpiS5SleepType),
                                 aml::Integer(0), aml::Integer(0)}));
}

}  // namespace

std::vector<uint8_t> BuildDsdt(const PlatformDescription& platform) {
  std::vector<aml::Bytes> devices;
  const bool on_8259 = platform.dual_8259 && !platform.io_apic;
  if (platform.serial) devices.push_back(Serial(on_8259));
  if (platform.rtc) devices.push_back(Rtc());
  if (platform.pvpanic) devices.push_back(Pvpanic());
  if (platform.power_button) {
    devices.push_back(PowerButton());
    devices.push_back(GenericEventDevice());
  }
  if (platform.pci_host_bridge) devices.push_back(HostBridge(*platform.pci_host_bridge));

  AcpiTable table("DSDT", kDsdtRevision);
  table.AppendBytes(SoftOff());
  table.AppendBytes(aml::Scope("\\_SB_", devices));
  return std::move(table).Finish();
}

}  // namespace sealvm
