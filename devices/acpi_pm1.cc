// SPDX-License-Identifier: Apache-2.0
#include "devices/acpi_pm1.h"

namespace sealvm {
namespace {

constexpr uint64_t kEnable = 2;
constexpr uint64_t kControl = 4;
constexpr uint64_t kEnd = 6;

constexpr uint8_t kSciEnabled = 1 << 0;  // control, low byte
constexpr uint8_t kSleepTypeShift = 2;   // control, high byte
constexpr uint8_t kSleepTypeMask = 7;
constexpr uint8_t kSleepEnable = 1 << 5;  // control, high byte; reads as zero

}  // namespace

uint8_t AcpiPm1::ReadRegister(uint64_t offset) {
  const MutexLock lock(mutex_);
  if (offset >= kEnd) return 0xff;
  if (offset == kControl) return control_[0] | kSciEnabled;
  if (offset > kControl) return control_[1];
  return offset >= kEnable ? enable_[offset - kEnable] : 0;
}

void AcpiPm1::WriteRegister(uint64_t offset, uint8_t value) {
  {
    const MutexLock lock(mutex_);
    if (offset >= kEnable && offset < kControl) enable_[offset - kEnable] = value;
    if (offset == kControl) control_[0] = value;
    if (offset == kControl + 1) control_[1] = value & ~kSleepEnable;
  }
  const bool sleeps = offset == kControl + 1 && (value & kSleepEnable) != 0;
  if (sleeps && (value >> kSleepTypeShift & kSleepTypeMask) == s5_sleep_type_) {
    sink_.OnGuestRequest({GuestRequestKind::kPowerOff});
  }
}

}  // namespace sealvm
