// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_ACPI_PM1_H_
#define SEALVM_DEVICES_ACPI_PM1_H_

#include <stdint.h>

#include "devices/acpi_pm.h"
#include "devices/byte_register_device.h"
#include "devices/guest_request.h"
#include "memory/base/mutex.h"

namespace sealvm {

// The fixed power-management registers of an ACPI platform that is not hardware-reduced, a window
// of kAcpiPm1Length byte registers at kAcpiPm1Base (ACPI 6.5 section 4.8.3):
//   +0 PM1 status, 2 bytes: no fixed event ever happens, so it reads zero.
//   +2 PM1 enable, 2 bytes: kept as written.
//   +4 PM1 control, 2 bytes: SCI_EN (bit 0) is always set, SLP_TYP in bits 10-12, SLP_EN bit 13.
//   SLP_EN
//      with the type of S5 asks `sink` for kPowerOff; other sleep states do not exist.
// Thread-safe.
class AcpiPm1 : public ByteRegisterDevice {
 public:
  // `sink` must outlive the device. `s5_sleep_type`: what the guest was told, 0 to 7.
  explicit AcpiPm1(GuestRequestSink& sink, uint8_t s5_sleep_type = kAcpiS5SleepType)
      : sink_(sink), s5_sleep_type_(s5_sleep_type) {}

  std::string_view Name() const override { return "acpi-pm1"; }

 protected:
  uint8_t ReadRegister(uint64_t offset) override SEALVM_EXCLUDES(mutex_);
  void WriteRegister(uint64_t offset, uint8_t value) override SEALVM_EXCLUDES(mutex_);

 private:
  GuestRequestSink& sink_;
  const uint8_t s5_sleep_type_;
  Mutex mutex_;
  uint8_t enable_[2] SEALVM_GUARDED_BY(mutex_) = {};
  uint8_t control_[2] SEALVM_GUARDED_BY(mutex_) = {};
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_ACPI_PM1_H_
