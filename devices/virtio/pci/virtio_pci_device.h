// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_PCI_DEVICE_H_
#define SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_PCI_DEVICE_H_

#include <stdint.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "devices/interrupt_line.h"
#include "devices/pci/msix_table.h"
#include "devices/pci/pci_function.h"
#include "devices/virtio/pci/common_config.h"
#include "devices/virtio/pci/doorbell.h"
#include "devices/virtio/pci/virtio_interrupts.h"
#include "devices/virtio/pci/virtio_pci_layout.h"
#include "devices/virtio/virtio_device.h"
#include "memory/base/logger.h"

namespace sealvm {

// A virtio device on the PCI bus (Virtual I/O Device 1.3 section 4.1), without the legacy
// interface. One BAR holds everything. With a memory BAR there is MSI-X, with an I/O BAR the
// interrupt line alone.
class VirtioPciDevice : public PciFunction {
 public:
  struct Options {
    PciSpace bars = PciSpace::kMemory;
    uint32_t bar_base = 0;       // where BAR 0 lies at first
    uint8_t interrupt_line = 0;  // what the configuration space says of it
    bool require_access_platform = false;
    std::string id;  // for messages
    Logger logger;
    // The device needs a reset by its driver. On any thread; not twice until that reset.
    std::function<void(const Error&)> on_need_reset;
  };

  // `vectors` is asked for memory BARs alone. `vectors` and `doorbells` outlive the device; `line`
  // is level-triggered.
  static Result<std::shared_ptr<VirtioPciDevice>> Create(
      Options options, std::shared_ptr<VirtioDevice> device, std::shared_ptr<SharedView> memory,
      MsiVectorFactory& vectors, std::unique_ptr<InterruptLine> line, DoorbellBinder& doorbells);
  ~VirtioPciDevice() override;

  std::string_view Name() const override { return device_->Name(); }
  void ReadConfig(uint32_t offset, std::span<uint8_t> out) override;
  void WriteConfig(uint32_t offset, std::span<const uint8_t> bytes) override;
  std::optional<PciBarWindow> BarWindow(uint8_t bar) const override { return config_.Window(bar); }
  void OnBarForwarded(uint8_t bar, const std::optional<PciBarWindow>& window) override;
  void ReadBar(uint8_t bar, uint64_t offset, std::span<uint8_t> out) override;
  void WriteBar(uint8_t bar, uint64_t offset, std::span<const uint8_t> bytes) override;

  VirtioDevice& device() { return *device_; }
  const std::string& id() const { return options_.id; }

 private:
  VirtioPciDevice(Options options, std::shared_ptr<VirtioDevice> device,
                  std::unique_ptr<MsixTable> msix, std::unique_ptr<InterruptLine> line,
                  DoorbellBinder& doorbells);
  void AddCapabilities();
  void AddVirtioCapability(uint8_t type, uint32_t offset, uint32_t length);
  void AddMsixCapability();
  // The window into the BAR that lies in configuration space, section 4.1.4.9.
  bool IsWindowData(uint32_t offset, size_t width) const;
  void ReadThroughWindow(std::span<uint8_t> out);
  void WriteThroughWindow(std::span<const uint8_t> bytes);
  void Notify(uint64_t offset, std::span<const uint8_t> bytes);
  Doorbell DoorbellOf(uint16_t queue, const PciBarWindow& window) const;
  void UnbindDoorbells();

  const Options options_;
  const VirtioPciLayout& layout_;
  const std::shared_ptr<VirtioDevice> device_;
  DoorbellBinder& doorbells_;
  PciConfigSpace config_;  // guarded by the bus
  uint8_t msix_capability_ = 0;
  uint8_t window_capability_ = 0;
  const std::unique_ptr<MsixTable> msix_;
  VirtioInterrupts interrupts_;

  std::mutex mutex_;  // one access to the registers at a time
  std::unique_ptr<CommonConfig> common_;
  std::vector<std::optional<Doorbell>> bound_;  // by queue; guarded by the bus
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PCI_VIRTIO_PCI_DEVICE_H_
