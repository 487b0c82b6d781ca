// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_PCI_PCI_CONFIG_SPACE_H_
#define SEALVM_DEVICES_PCI_PCI_CONFIG_SPACE_H_

#include <stdint.h>

#include <array>
#include <optional>
#include <span>

#include "devices/pci/pci_registers.h"

namespace sealvm {

enum class PciSpace { kIo, kMemory };

// A base address register that the function decodes just now.
struct PciBarWindow {
  PciSpace space = PciSpace::kMemory;
  uint64_t base = 0;
  uint32_t size = 0;  // bytes

  friend bool operator==(const PciBarWindow&, const PciBarWindow&) = default;
};

// The registers of one function: bytes, and which of their bits the guest may change. Not
// thread-safe.
class PciConfigSpace {
 public:
  struct Identity {
    uint16_t vendor_id = 0;
    uint16_t device_id = 0;
    uint8_t revision = 0;
    uint32_t class_code = 0;  // base class, sub-class, interface, from the top
    uint16_t subsystem_vendor_id = 0;
    uint16_t subsystem_id = 0;
  };

  explicit PciConfigSpace(const Identity& identity);

  // Makes register `bar` 32 bits wide, of `size` bytes: a power of two, from 4 for I/O and 16 for
  // memory. `base` is what it holds before the guest changes it.
  void AddBar(uint8_t bar, PciSpace space, uint32_t size, uint32_t base);
  // Appends a capability to the list: its bytes after identifier and link, and which of their bits
  // the guest may change. Returns its offset. What a machine adds has to fit.
  uint8_t AddCapability(uint8_t id, std::span<const uint8_t> body,
                        std::span<const uint8_t> writable);
  // INTA.
  void UseInterruptPin(uint8_t line);
  // The device has functions other than 0, which this is.
  void SetMultiFunction();
  // A register of 1 to 4 bytes that the guest cannot change.
  void SetReadOnly(uint8_t offset, uint32_t value, size_t width);

  // Offsets and widths of any value: bytes past the end read as ones and are not written.
  void Read(uint32_t offset, std::span<uint8_t> out) const;
  void Write(uint32_t offset, std::span<const uint8_t> bytes);

  uint16_t command() const { return Get16(kPciCommand); }
  uint8_t Get8(uint32_t offset) const { return bytes_[offset]; }
  uint16_t Get16(uint32_t offset) const;
  uint32_t Get32(uint32_t offset) const;
  void SetStatus(uint16_t bits, bool set);
  // Where `bar` is decoded; nothing while the command register keeps it off, or at address 0.
  std::optional<PciBarWindow> Window(uint8_t bar) const;

 private:
  void Set(uint32_t offset, uint64_t value, size_t width);
  void SetWritable(uint32_t offset, uint64_t mask, size_t width);

  std::array<uint8_t, kPciConfigSize> bytes_ = {};
  std::array<uint8_t, kPciConfigSize> writable_ = {};
  std::array<uint32_t, kPciBars> bar_sizes_ = {};
  uint8_t next_capability_ = kPciFirstCapability;
  uint8_t last_link_ = kPciCapabilities;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_PCI_PCI_CONFIG_SPACE_H_
