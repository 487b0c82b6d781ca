// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_PLACEMENT_H_
#define SEALVM_VMM_BOOT_PLACEMENT_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"

namespace sealvm {

// A piece of guest RAM that the boot code has taken: for logs, and for modes that measure or copy
// what was loaded.
struct LoadedRegion {
  std::string name;  // "kernel", "initrd", "boot_params" ...
  Gpa gpa = 0;
  uint64_t size = 0;  // bytes

  Gpa end() const { return gpa + size; }
};

// Keeps what goes into guest RAM apart: regions never overlap each other or the holes of the first
// MiB.
class Placement {
 public:
  explicit Placement(const GuestLayout& layout) : layout_(layout) {}

  // Takes [gpa, gpa + size). kInvalidInput if it is empty, wraps, is not RAM or is taken; the
  // message begins with `name`.
  Result<> Take(std::string name, Gpa gpa, uint64_t size);
  // The highest free page-aligned place for `size` bytes in `range`, at or above its first MiB and
  // ending at or below `limit`.
  std::optional<Gpa> FindHighest(const RamRange& range, uint64_t size, Gpa limit) const;

  // In the order in which they were taken.
  std::span<const LoadedRegion> regions() const { return regions_; }

 private:
  const LoadedRegion* FindOverlap(Gpa gpa, uint64_t size) const;
  bool IsUsableRam(Gpa gpa, uint64_t size) const;

  GuestLayout layout_;
  std::vector<LoadedRegion> regions_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_PLACEMENT_H_
