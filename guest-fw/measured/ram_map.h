// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_RAM_MAP_H_
#define SEALVM_GUEST_FW_MEASURED_RAM_MAP_H_

#include <stddef.h>
#include <stdint.h>

#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"
#include "guest-fw/measured/isolation.h"

namespace sealvm::measured {

// The PC's hole for video memory and BIOS; the host may have RAM there, but no kernel expects it.
inline constexpr Range kVideoHole = {.base = 0xa0000, .size = 0x60000};
// Interrupt controllers and firmware images: not RAM, whatever the host says.
inline constexpr Range kDeviceHole = {.base = 0xfec00000, .size = 0x01400000};

// The guest's RAM as the host describes it: sorted, and checked.
class RamMap {
 public:
  static constexpr size_t kMaxRanges = 32;

  // `end` is the first address that cannot be RAM; a power of two.
  explicit RamMap(uint64_t end) : limit_(end) {}

  // kMemoryMap when the range is empty, not of whole pages, wraps or ends too high, overlaps one
  // that is here or what cannot be RAM, or is one too many.
  Failure Add(const Range& range);
  // After the last Add: kMemoryMap unless RAM begins at 0 and goes on beyond 1 MiB.
  Failure Finish();

  size_t count() const { return count_; }
  const Range& range(size_t index) const { return ranges_[index]; }

  // Takes `size` bytes for the firmware's own use from the lowest RAM's top, from 1 MiB on, below
  // `limit`. They begin at a page boundary. False when there is no room.
  bool TakeTop(uint64_t size, uint64_t limit, uint64_t* base);
  // Takes `size` bytes that begin at `base`, below everything that was taken from the top.
  bool TakeAt(uint64_t base, uint64_t size);
  // The same at the lowest multiple of `alignment`, a power of two.
  bool TakeBottom(uint64_t size, uint64_t alignment, uint64_t* base);

 private:
  const uint64_t limit_;
  Range ranges_[kMaxRanges];
  size_t count_ = 0;
  // What is free of the lowest RAM.
  uint64_t bottom_ = 0;
  uint64_t top_ = 0;
};

// Makes all RAM private but what the launch has made so, or the firmware shares. TDX: also the hole
// for video memory, which kernels look through for ROMs; under SNP, Linux validates what it wants
// of it by itself.
Failure AcceptRam(Isolation& isolation, IsolationKind kind, const RamMap& ram);

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_RAM_MAP_H_
