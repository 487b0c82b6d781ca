// SPDX-License-Identifier: Apache-2.0
#include "devices/exit_device.h"

#include <algorithm>

#include "memory/base/endian.h"

namespace sealvm {

void ExitDevice::Read(uint64_t, std::span<uint8_t> data) { std::ranges::fill(data, uint8_t{0xff}); }

void ExitDevice::Write(uint64_t offset, std::span<const uint8_t> data) {
  if (offset != 0 || data.size() > sizeof(uint32_t)) return;
  sink_.OnGuestRequest({GuestRequestKind::kExitCode, static_cast<uint32_t>(LoadLeAny(data))});
}

}  // namespace sealvm
