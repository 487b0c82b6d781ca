// SPDX-License-Identifier: Apache-2.0
#include "devices/pvpanic.h"

namespace sealvm {

uint8_t Pvpanic::ReadRegister(uint64_t) { return kPvpanicEvents; }

void Pvpanic::WriteRegister(uint64_t, uint8_t value) {
  if ((value & kPvpanicCrashLoaded) != 0 && !crash_logged_.exchange(true)) {
    logger_.Log(LogLevel::kWarning, "the guest's kernel panicked and starts its crash kernel");
  }
  if ((value & kPvpanicPanicked) != 0) {
    sink_.OnGuestRequest({GuestRequestKind::kPanic});
  } else if ((value & kPvpanicShutdown) != 0) {
    sink_.OnGuestRequest({GuestRequestKind::kPowerOff});
  }
}

}  // namespace sealvm
