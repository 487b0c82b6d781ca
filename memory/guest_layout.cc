// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_layout.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealvm {

Result<GuestLayout> GuestLayout::Create(uint64_t ram_size) {
  if (ram_size < kMinRamSize || ram_size > kMaxRamSize) {
    return InvalidInput(fmt::format("guest memory of {} bytes is out of range", ram_size),
                        "give 2M to 4T");
  }
  if (ram_size % kPageSize != 0) {
    return InvalidInput(
        fmt::format("guest memory of {} bytes is not a multiple of 4 KiB", ram_size));
  }
  GuestLayout layout;
  layout.ram_size_ = ram_size;
  const uint64_t low = std::min(ram_size, kLowRamEnd);
  layout.ram_.push_back({.base = 0, .size = low, .backing_offset = 0});
  if (ram_size > low) {
    layout.ram_.push_back({.base = kHighRamBase, .size = ram_size - low, .backing_offset = low});
  }
  return layout;
}

std::optional<BackingRange> GuestLayout::BackingOf(Gpa gpa, uint64_t length) const {
  for (const RamRange& range : ram_) {
    if (gpa < range.base || gpa >= range.end()) continue;
    if (length > range.end() - gpa) break;
    return BackingRange{range.backing_offset + (gpa - range.base), length};
  }
  return std::nullopt;
}

}  // namespace sealvm
