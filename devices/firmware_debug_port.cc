// SPDX-License-Identifier: Apache-2.0
#include "devices/firmware_debug_port.h"

namespace sealvm {

void FirmwareDebugPort::Flush() {
  const MutexLock lock(mutex_);
  HandOn();
}

void FirmwareDebugPort::WriteRegister(uint64_t, uint8_t value) {
  const MutexLock lock(mutex_);
  line_.push_back(static_cast<char>(value));
  if (value == '\n' || line_.size() >= kMaxLine) HandOn();
}

void FirmwareDebugPort::HandOn() {
  if (!line_.empty()) output_(line_);
  line_.clear();
}

}  // namespace sealvm
