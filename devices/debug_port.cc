// SPDX-License-Identifier: Apache-2.0
#include "devices/debug_port.h"

namespace sealvm {

std::string_view BootMarkStage(uint8_t mark) {
  constexpr uint8_t kStageWidth = 0x20;
  constexpr std::array<std::string_view, 4> kStages = {"firmware", "bootloader", "kernel",
                                                       "userspace"};
  const size_t stage = mark / kStageWidth;
  return stage < kStages.size() ? kStages[stage] : "custom";
}

uint8_t DebugPort::ReadRegister(uint64_t) { return 0xff; }

void DebugPort::WriteRegister(uint64_t, uint8_t value) {
  writes_.fetch_add(1, std::memory_order_relaxed);
  if (seen_[value].exchange(true)) return;
  sink_.OnGuestRequest({GuestRequestKind::kBootMark, value});
}

}  // namespace sealvm
