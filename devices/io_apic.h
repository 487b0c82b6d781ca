// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_IO_APIC_H_
#define SEALVM_DEVICES_IO_APIC_H_

#include <stdint.h>

#include <array>
#include <functional>
#include <memory>
#include <mutex>

#include "devices/bus_device.h"
#include "devices/interrupt_line.h"
#include "devices/platform_addresses.h"

namespace sealvm {

// An I/O APIC (Intel 82093AA) for guests whose kernel has none for them: TDs. Nobody learns of such
// a guest's ends of interrupts, so that an input that is set to level triggers at a rising edge
// alone, as QEMU's does for TDs: what pulls it must not keep it asserted for a second event.
class IoApic : public BusDevice, public std::enable_shared_from_this<IoApic> {
 public:
  static constexpr uint64_t kLength = 0x1000;

  // Delivers an interrupt message: address and data as of an MSI (Intel SDM vol. 3A, section
  // 11.11). On the thread that raised the line or unmasked the input.
  using SendMessage = std::function<void(uint64_t address, uint32_t data)>;

  explicit IoApic(SendMessage send) : send_(std::move(send)) { entries_.fill(kMasked); }

  // The input `pin`, which keeps the controller alive. A pin that is not there is never delivered.
  std::unique_ptr<InterruptLine> Line(uint32_t pin);

  std::string_view Name() const override { return "io-apic"; }
  void Read(uint64_t offset, std::span<uint8_t> data) override;
  void Write(uint64_t offset, std::span<const uint8_t> data) override;

 private:
  class Input;

  static constexpr uint64_t kMasked = 1u << 16;

  uint32_t ReadRegister() const;
  void WriteRegister(uint32_t value);
  void SetLevel(uint32_t pin, bool asserted);
  // With the lock held.
  void Deliver(uint32_t pin);

  const SendMessage send_;
  std::mutex mutex_;
  uint8_t selected_ = 0;
  uint32_t id_ = 0;
  std::array<uint64_t, kIoApicPins> entries_;
  std::array<bool, kIoApicPins> asserted_ = {};
  // Edges that came while the input was masked.
  std::array<bool, kIoApicPins> pending_ = {};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_IO_APIC_H_
