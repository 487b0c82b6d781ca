// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_PCI_BUS_H_
#define SEALVM_DEVICES_PCI_PCI_BUS_H_

#include <stdint.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "devices/bus.h"
#include "devices/pci/host_bridges.h"
#include "devices/pci/pci_function.h"
#include "devices/platform_addresses.h"
#include "memory/base/result.h"

namespace sealvm {

// The addresses that a host bridge forwards; not empty.
struct PciWindows {
  uint16_t io_base = kPciIoBase;
  uint32_t io_length = kPciIoLength;
  uint64_t memory_base = kPciMmioBase;
  uint64_t memory_length = kPciMmioLength;
};

// PCI bus 0 with its host bridge, which is device 0: configuration mechanism #1 (PCI Local Bus 3.0
// section 3.2.2.3.2) and its windows, inside which the guest may put BARs wherever it likes. A BAR
// outside the windows is not forwarded; where two overlap the lower function answers. Functions are
// added before the guest runs; after that any thread may access the windows.
class PciBus {
 public:
  static constexpr uint8_t kDevices = 32;
  static constexpr uint8_t kFunctions = 8;  // of a device

  PciBus() : PciBus(MakeGenericHostBridge(), {}) {}
  PciBus(std::shared_ptr<PciFunction> host_bridge, const PciWindows& windows);
  PciBus(const PciBus&) = delete;
  PciBus& operator=(const PciBus&) = delete;
  ~PciBus();

  // Puts `function` on device number `device`, 1 to 31, as its function 0; fails where one is.
  Result<> Add(uint8_t device, std::shared_ptr<PciFunction> function);
  // The same for function `number`, 0 to 7.
  Result<> Add(uint8_t device, uint8_t number, std::shared_ptr<PciFunction> function);
  // Inserts the configuration ports and the windows.
  Result<> AttachTo(Bus& pio, Bus& mmio);

 private:
  class ConfigPorts;
  class AddressWindow;
  struct Forwarded {
    uint8_t place = 0;
    uint8_t bar = 0;
    PciBarWindow window;
    std::shared_ptr<PciFunction> function;
  };

  void ReadConfig(uint32_t address, std::span<uint8_t> out);
  void WriteConfig(uint32_t address, std::span<const uint8_t> bytes);
  // Null where no function is.
  PciFunction* FunctionAt(uint32_t address);
  void UpdateForwarding(uint8_t place);
  bool IsInsideWindow(const PciBarWindow& bar) const;
  std::optional<Forwarded> Find(PciSpace space, uint64_t address, size_t width) const;

  const PciWindows windows_;
  std::mutex config_mutex_;  // taken before windows_mutex_
  uint32_t config_address_ = 0;
  // By device number and function number, which are the place's upper five and lower three bits.
  std::array<std::shared_ptr<PciFunction>, size_t{kDevices} * kFunctions> functions_;

  mutable std::shared_mutex windows_mutex_;
  std::vector<Forwarded> forwarded_;  // ascending by place and BAR
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_PCI_BUS_H_
