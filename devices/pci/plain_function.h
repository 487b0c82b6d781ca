// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_PLAIN_FUNCTION_H_
#define SEALVM_DEVICES_PCI_PLAIN_FUNCTION_H_

#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "devices/pci/pci_function.h"

namespace sealvm {

// A function that is there to be found: configuration space and no address of its own.
class PlainFunction : public PciFunction {
 public:
  // `name`: a string literal.
  PlainFunction(std::string_view name, PciConfigSpace config)
      : name_(name), config_(std::move(config)) {}

  std::string_view Name() const override { return name_; }
  void ReadConfig(uint32_t offset, std::span<uint8_t> out) override { config_.Read(offset, out); }
  void WriteConfig(uint32_t offset, std::span<const uint8_t> bytes) override {
    config_.Write(offset, bytes);
  }
  std::optional<PciBarWindow> BarWindow(uint8_t) const override { return std::nullopt; }
  void OnBarForwarded(uint8_t, const std::optional<PciBarWindow>&) override {}
  void ReadBar(uint8_t, uint64_t, std::span<uint8_t>) override {}
  void WriteBar(uint8_t, uint64_t, std::span<const uint8_t>) override {}

 private:
  const std::string_view name_;
  PciConfigSpace config_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_PLAIN_FUNCTION_H_
