// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_PCI_DEVICES_H_
#define SEALVM_VMM_MACHINE_PCI_DEVICES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "devices/bus.h"
#include "devices/pci/pci_bus.h"
#include "devices/shared_interrupt_line.h"
#include "devices/virtio/pci/virtio_pci_device.h"
#include "devices/virtio/virtio_device.h"
#include "memory/shared_view.h"
#include "vmm/api/machine.h"
#include "vmm/boot/acpi/platform_description.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/interrupt_lines.h"
#include "vmm/machine/kvm_doorbells.h"
#include "vmm/machine/kvm_msi_router.h"

namespace sealvm {

// A device with the name that users know it by.
struct NamedDevice {
  std::string id;
  std::shared_ptr<VirtioDevice> device;
};

// The machine's PCI bus with its virtio devices, in their order, and their ways to KVM. Create and
// destruction belong to the machine's thread; statistics may be read from any.
class PciDevices {
 public:
  enum class Chipset {
    kGeneric,  // a host bridge; devices from number 1 on
    kI440fx,   // what OVMF knows; devices from number 2 on
  };
  struct Options {
    Chipset chipset = Chipset::kGeneric;
    PciWindows windows = {};
    PciSpace bars = PciSpace::kMemory;
    // The guest has 8259s in the place of an I/O APIC.
    bool on_8259 = false;
    // The interrupt controllers that `lines` leads to are in the kernel.
    bool lines_in_kernel = true;
    bool require_access_platform = false;
    Logger logger;
    // A device stopped until its driver resets it. On any thread.
    std::function<void(const std::string& id, const Error&)> on_device_failure;
  };

  // `vm` and `lines` outlive the object, and the object all accesses by way of the buses.
  static Result<std::unique_ptr<PciDevices>> Create(Options options, kvm::Vm& vm,
                                                    InterruptLines& lines,
                                                    const std::shared_ptr<SharedView>& memory,
                                                    std::vector<NamedDevice> devices, Bus& pio,
                                                    Bus& mmio);
  PciDevices(const PciDevices&) = delete;
  PciDevices& operator=(const PciDevices&) = delete;

  // The bridge as ACPI tells it.
  PciHostBridge Describe() const;
  std::vector<DeviceStats> Stats() const;
  // Resets all devices; no vCPU runs any more.
  void Stop();

 private:
  PciDevices(Options options, kvm::Vm& vm, InterruptLines& lines);
  Result<> Add(uint8_t number, const NamedDevice& device,
               const std::shared_ptr<SharedView>& memory);
  Result<> AddChipset();
  uint8_t first_device() const { return options_.chipset == Chipset::kI440fx ? 2 : 1; }
  uint32_t GsiOf(uint8_t number) const;
  std::unique_ptr<InterruptLine> LineOf(uint32_t gsi);
  uint32_t NextBar(uint32_t size);

  struct Line {
    explicit Line(std::unique_ptr<InterruptLine> input)
        : controller(std::move(input)), shared(*controller) {}
    const std::unique_ptr<InterruptLine> controller;
    SharedInterruptLine shared;
  };

  const Options options_;
  InterruptLines& controllers_;
  KvmMsiRouter msi_;
  KvmDoorbells doorbells_;
  std::map<uint32_t, std::unique_ptr<Line>> lines_;  // by GSI
  uint32_t next_bar_;
  std::vector<PciInterruptRoute> routes_;
  PciBus bus_;
  std::vector<std::shared_ptr<VirtioPciDevice>> functions_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_PCI_DEVICES_H_
