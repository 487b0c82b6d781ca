// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_PCI_FUNCTION_H_
#define SEALVM_DEVICES_PCI_PCI_FUNCTION_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <string_view>

#include "devices/pci/pci_config_space.h"

namespace sealvm {

// One function on a PCI bus. The bus serialises accesses to configuration space; accesses to BARs
// come from any vCPU thread at any time, also while configuration changes.
class PciFunction {
 public:
  virtual ~PciFunction() = default;

  // Short lower-case name for logs; a string literal.
  virtual std::string_view Name() const = 0;

  virtual void ReadConfig(uint32_t offset, std::span<uint8_t> out) = 0;
  virtual void WriteConfig(uint32_t offset, std::span<const uint8_t> bytes) = 0;

  // Where a base address register is decoded now, if it is.
  virtual std::optional<PciBarWindow> BarWindow(uint8_t bar) const = 0;
  // The bus forwards this window to the function from now on, or none.
  virtual void OnBarForwarded(uint8_t bar, const std::optional<PciBarWindow>& window) = 0;

  // Accesses lie inside the BAR.
  virtual void ReadBar(uint8_t bar, uint64_t offset, std::span<uint8_t> out) = 0;
  virtual void WriteBar(uint8_t bar, uint64_t offset, std::span<const uint8_t> bytes) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_PCI_FUNCTION_H_
