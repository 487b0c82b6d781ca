// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/host_bridges.h"

#include "devices/pci/plain_function.h"

namespace sealvm {
namespace {

constexpr uint16_t kIntel = 0x8086;
// QEMU's own, for all that has none (QEMU docs/specs/pci-ids.rst).
constexpr uint16_t kSubsystemVendor = 0x1af4;
constexpr uint16_t kSubsystem = 0x1100;

// Class codes, PCI Local Bus 3.0 appendix D.
constexpr uint32_t kClassHostBridge = 0x060000;
constexpr uint32_t kClassIsaBridge = 0x060100;
constexpr uint32_t kClassOtherBridge = 0x068000;

// Registers of the 82371's function 3 (Intel 290562 section 7).
constexpr uint8_t kPmBase = 0x40;
constexpr uint32_t kPmBaseIsIo = 1;
constexpr uint8_t kPmRegMisc = 0x80;
constexpr uint8_t kPmIoEnabled = 1;

PciConfigSpace Config(uint16_t vendor, uint16_t device, uint8_t revision, uint32_t class_code) {
  return PciConfigSpace({.vendor_id = vendor,
                         .device_id = device,
                         .revision = revision,
                         .class_code = class_code,
                         .subsystem_vendor_id = kSubsystemVendor,
                         .subsystem_id = kSubsystem});
}

}  // namespace

std::shared_ptr<PciFunction> MakeGenericHostBridge() {
  // QEMU's generic host bridge (QEMU docs/specs/pci-ids.rst).
  return std::make_shared<PlainFunction>("host-bridge",
                                         Config(0x1b36, 0x0008, 0, kClassHostBridge));
}

std::shared_ptr<PciFunction> MakeI440fxHostBridge() {
  return std::make_shared<PlainFunction>("i440fx", Config(kIntel, 0x1237, 2, kClassHostBridge));
}

std::shared_ptr<PciFunction> MakePiix3IsaBridge() {
  PciConfigSpace config = Config(kIntel, 0x7000, 0, kClassIsaBridge);
  config.SetMultiFunction();
  return std::make_shared<PlainFunction>("piix3-isa", config);
}

std::shared_ptr<PciFunction> MakePiix4PowerManagement(uint16_t pm_base) {
  PciConfigSpace config = Config(kIntel, 0x7113, 3, kClassOtherBridge);
  config.SetReadOnly(kPmBase, pm_base | kPmBaseIsIo, 4);
  config.SetReadOnly(kPmRegMisc, kPmIoEnabled, 1);
  return std::make_shared<PlainFunction>("piix4-pm", config);
}

}  // namespace sealvm
