// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_ACPI_PM_TIMER_H_
#define SEALVM_DEVICES_ACPI_PM_TIMER_H_

#include <stdint.h>

#include <chrono>
#include <functional>
#include <span>

#include "devices/bus_device.h"

namespace sealvm {

// The ACPI power management timer (ACPI 6.5 section 4.8.2.1): a window of kAcpiPmTimerLength bytes
// with a counter of 24 bits that runs at 3.579545 MHz from 0 on, without interrupts. Writes do
// nothing. Thread-safe.
class AcpiPmTimer : public BusDevice {
 public:
  // Time since any fixed moment; never runs backwards.
  using Clock = std::function<std::chrono::nanoseconds()>;

  // CLOCK_MONOTONIC.
  AcpiPmTimer();
  explicit AcpiPmTimer(Clock clock);

  std::string_view Name() const override { return "acpi-pm-timer"; }
  void Read(uint64_t offset, std::span<uint8_t> data) override;
  void Write(uint64_t, std::span<const uint8_t>) override {}

 private:
  const Clock clock_;
  const std::chrono::nanoseconds start_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_ACPI_PM_TIMER_H_
