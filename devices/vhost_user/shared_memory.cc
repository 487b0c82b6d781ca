// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include "devices/virtio/virtio_ids.h"

namespace sealvm::vhost_user {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

struct AreaSizes {
  uint64_t descriptor;
  uint64_t driver;
  uint64_t device;
};

// Bytes of a ring's areas (Virtual I/O Device 1.3 sections 2.7 and 2.8.14), with the event fields.
AreaSizes SizesOf(bool packed, uint64_t entries) {
  if (packed) return {16 * entries, 4, 4};
  return {16 * entries, 6 + 2 * entries, 6 + 8 * entries};
}

}  // namespace

std::vector<MemoryRegion> RegionsOf(const GuestLayout& layout) {
  std::vector<MemoryRegion> regions;
  for (const RamRange& range : layout.ram()) {
    regions.push_back({.guest_address = range.base,
                       .size = range.size,
                       .user_address = range.base,
                       .mmap_offset = range.backing_offset});
  }
  return regions;
}

Result<> SealForSharing(int fd) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) return SystemError("fcntl(F_GET_SEALS)", "guest memory", errno);
  if ((seals & kSeals) == kSeals) return {};
  if (fcntl(fd, F_ADD_SEALS, kSeals) != 0) {
    return SystemError("fcntl(F_ADD_SEALS)", "guest memory", errno);
  }
  return {};
}

Result<> CheckRing(uint64_t features, const QueueLayout& layout,
                   const std::shared_ptr<SharedView>& memory) {
  SEALVM_TRY(Virtqueue::Create(features, layout, memory));
  const AreaSizes sizes = SizesOf((features & kFeaturePacked) != 0, layout.size);
  const GuestMemory& ram = memory->memory();
  if (ram.Contains(layout.descriptor_area, sizes.descriptor) &&
      ram.Contains(layout.driver_area, sizes.driver) &&
      ram.Contains(layout.device_area, sizes.device)) {
    return {};
  }
  return InvalidInput(fmt::format("a virtqueue of {} entries at {:#x}, {:#x}, {:#x} is not in RAM",
                                  layout.size, layout.descriptor_area, layout.driver_area,
                                  layout.device_area));
}

}  // namespace sealvm::vhost_user
