// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_ACPI_PM_H_
#define SEALVM_DEVICES_ACPI_PM_H_

#include <stdint.h>

#include "devices/byte_register_device.h"
#include "devices/guest_request.h"
#include "devices/interrupt_line.h"
#include "memory/base/mutex.h"

namespace sealvm {

// Values the ACPI tables hand to the guest.
//
// SLP_TYP of \_S5.
inline constexpr uint8_t kAcpiS5SleepType = 5;
// RESET_VALUE of the FADT.
inline constexpr uint8_t kAcpiResetValue = 0x01;
// Events in the Generic Event Device's status byte, which its _EVT method reads.
inline constexpr uint8_t kAcpiGedPowerButton = 1 << 0;

// Power management of a hardware-reduced ACPI platform, a window of kAcpiPmLength byte registers at
// kAcpiPmBase:
//   +0 sleep control (ACPI 6.5 section 4.8.3.7): SLP_TYP in bits 2-4, SLP_EN bit 5. SLP_EN with
//      kAcpiS5SleepType asks `sink` for kPowerOff; other sleep states do not exist.
//   +1 sleep status (same section): WAK_STS bit 7. The machine never wakes, so it reads zero.
//   +2 reset register (section 4.8.3.6): kAcpiResetValue asks `sink` for kReset.
//   +3 events pending for the Generic Event Device (section 5.6.9); reading clears them and lowers
//      the interrupt line.
// Thread-safe.
class AcpiPm : public ByteRegisterDevice {
 public:
  // `sink` and `ged_line` must outlive the device. `ged_line` is called with a lock held: it must
  // not call back.
  AcpiPm(GuestRequestSink& sink, InterruptLine& ged_line) : sink_(sink), ged_line_(ged_line) {}

  std::string_view Name() const override { return "acpi-pm"; }

  // Tells the guest that its power button was pressed. Each press makes a rising edge, also while
  // an earlier one is unread: the guest may not have listened yet. Any thread.
  void PressPowerButton() SEALVM_EXCLUDES(mutex_);

 protected:
  uint8_t ReadRegister(uint64_t offset) override SEALVM_EXCLUDES(mutex_);
  void WriteRegister(uint64_t offset, uint8_t value) override SEALVM_EXCLUDES(mutex_);

 private:
  void WriteSleepControl(uint8_t value) SEALVM_EXCLUDES(mutex_);

  GuestRequestSink& sink_;
  InterruptLine& ged_line_;
  Mutex mutex_;
  uint8_t sleep_type_ SEALVM_GUARDED_BY(mutex_) = 0;  // SLP_TYP where the register has it
  uint8_t ged_status_ SEALVM_GUARDED_BY(mutex_) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_ACPI_PM_H_
