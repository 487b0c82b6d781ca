// SPDX-License-Identifier: Apache-2.0
#include "devices/acpi_pm.h"

#include <utility>

#include "devices/platform_addresses.h"

namespace sealvm {
namespace {

constexpr uint64_t kSleepControl = kAcpiSleepControlPort - kAcpiPmBase;
constexpr uint64_t kReset = kAcpiResetPort - kAcpiPmBase;
constexpr uint64_t kGedStatus = kAcpiGedStatusPort - kAcpiPmBase;

constexpr int kSleepTypeShift = 2;
constexpr uint8_t kSleepTypeMask = 0x7 << kSleepTypeShift;
constexpr uint8_t kSleepEnable = 1 << 5;

}  // namespace

void AcpiPm::PressPowerButton() {
  MutexLock lock(mutex_);
  ged_status_ |= kAcpiGedPowerButton;
  ged_line_.SetLevel(false);
  ged_line_.SetLevel(true);
}

uint8_t AcpiPm::ReadRegister(uint64_t offset) {
  MutexLock lock(mutex_);
  switch (offset) {
    case kSleepControl:
      return sleep_type_;  // SLP_EN is write-only
    case kGedStatus:
      if (ged_status_ != 0) ged_line_.SetLevel(false);
      return std::exchange(ged_status_, uint8_t{0});
    default:
      return 0;
  }
}

void AcpiPm::WriteRegister(uint64_t offset, uint8_t value) {
  if (offset == kSleepControl) {
    WriteSleepControl(value);
  } else if (offset == kReset && value == kAcpiResetValue) {
    sink_.OnGuestRequest({GuestRequestKind::kReset});
  }
}

void AcpiPm::WriteSleepControl(uint8_t value) {
  {
    MutexLock lock(mutex_);
    sleep_type_ = value & kSleepTypeMask;
  }
  const bool enter = (value & kSleepEnable) != 0;
  if (enter && (value & kSleepTypeMask) >> kSleepTypeShift == kAcpiS5SleepType) {
    sink_.OnGuestRequest({GuestRequestKind::kPowerOff});
  }
}

}  // namespace sealvm
