// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_HOST_BRIDGE_H_
#define SEALVM_DEVICES_PCI_HOST_BRIDGE_H_

#include "devices/pci/pci_function.h"

namespace sealvm {

// The bridge between CPU and bus 0: an identity without registers of its own. Guests have no quirks
// for the one it has.
class HostBridge : public PciFunction {
 public:
  std::string_view Name() const override { return "host-bridge"; }
  void ReadConfig(uint32_t offset, std::span<uint8_t> out) override { config_.Read(offset, out); }
  void WriteConfig(uint32_t offset, std::span<const uint8_t> bytes) override {
    config_.Write(offset, bytes);
  }
  std::optional<PciBarWindow> BarWindow(uint8_t) const override { return std::nullopt; }
  void OnBarForwarded(uint8_t, const std::optional<PciBarWindow>&) override {}
  void ReadBar(uint8_t, uint64_t, std::span<uint8_t>) override {}
  void WriteBar(uint8_t, uint64_t, std::span<const uint8_t>) override {}

 private:
  // QEMU's generic host bridge (QEMU docs/specs/pci-ids.rst); class 06.00.00: host bridge.
  PciConfigSpace config_{{.vendor_id = 0x1b36,
                          .device_id = 0x0008,
                          .revision = 0,
                          .class_code = 0x060000,
                          .subsystem_vendor_id = 0x1af4,
                          .subsystem_id = 0x1100}};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_HOST_BRIDGE_H_
