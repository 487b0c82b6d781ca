// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/ring_checks.h"

#include <fmt/format.h>

namespace sealvm {

Result<> CheckArea(const char* name, Gpa gpa, uint64_t length, uint64_t alignment) {
  if (gpa % alignment != 0) {
    return InvalidInput(
        fmt::format("the {} at {:#x} is not aligned to {} bytes", name, gpa, alignment));
  }
  if (gpa + length < gpa) {
    return InvalidInput(fmt::format("the {} at {:#x} runs past the last address", name, gpa));
  }
  return {};
}

Result<uint32_t> CheckIndirect(bool negotiated, uint16_t flags, GuestBuffer table) {
  if (!negotiated) return InvalidInput("an indirect descriptor, which was not negotiated");
  if ((flags & kDescriptorNext) != 0) {
    return InvalidInput("an indirect descriptor that continues with another one");
  }
  const uint32_t entries = table.length / kDescriptorBytes;
  if (table.length % kDescriptorBytes != 0 || entries == 0 || entries > kMaxIndirectEntries) {
    return InvalidInput(fmt::format("an indirect table of {} bytes", table.length));
  }
  SEALVM_TRY(CheckArea("indirect table", table.gpa, table.length, 1));
  return entries;
}

}  // namespace sealvm
