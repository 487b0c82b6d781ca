// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_GUEST_LAYOUT_H_
#define SEALVM_MEMORY_GUEST_LAYOUT_H_

#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

#include "memory/backing_range.h"
#include "memory/base/result.h"

namespace sealvm {

// A guest physical address.
using Gpa = uint64_t;

inline constexpr uint64_t kPageSize = 4096;
inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kGiB = 1024 * kMiB;

// The page boundary at or below, and at or above `value`, which is less than 2^64 - kPageSize.
constexpr uint64_t PageFloor(uint64_t value) { return value & ~(kPageSize - 1); }
constexpr uint64_t PageCeil(uint64_t value) { return PageFloor(value + kPageSize - 1); }

// RAM lies below kLowRamEnd and from kHighRamBase on. The hole between them holds MMIO: PCI
// windows, IOAPIC (0xFEC00000) and local APIC (0xFEE00000; Intel SDM vol. 3A section 11.4.1).
inline constexpr Gpa kLowRamEnd = 3 * kGiB;
inline constexpr Gpa kHighRamBase = 4 * kGiB;

// The largest guest accepted; with the hole it stays below 43 physical address bits.
inline constexpr uint64_t kMaxRamSize = 4096 * kGiB;
// The smallest: what the boot structures, a page-table set and a tiny kernel need.
inline constexpr uint64_t kMinRamSize = 2 * kMiB;

// One contiguous piece of guest RAM; `backing_offset` is where it starts in the guest's memory
// object. Bytes throughout.
struct RamRange {
  Gpa base = 0;
  uint64_t size = 0;
  uint64_t backing_offset = 0;

  Gpa end() const { return base + size; }
  friend bool operator==(const RamRange&, const RamRange&) = default;
};

// Where a guest's RAM lies in its physical address space: one range below the hole and, if it does
// not fit there, one from 4 GiB on. Immutable.
class GuestLayout {
 public:
  // `ram_size` in bytes: a multiple of kPageSize from kMinRamSize to kMaxRamSize, else
  // kInvalidInput.
  static Result<GuestLayout> Create(uint64_t ram_size);

  // Ascending, not overlapping, at least one.
  std::span<const RamRange> ram() const { return ram_; }
  uint64_t ram_size() const { return ram_size_; }
  const RamRange& low_ram() const { return ram_.front(); }
  // The bytes of the memory object that [gpa, gpa + length) stands for; nothing if that is not
  // inside one range of RAM. Empty ranges inside RAM are.
  std::optional<BackingRange> BackingOf(Gpa gpa, uint64_t length) const;
  // First address above all RAM.
  Gpa ram_end() const { return ram_.back().end(); }

 private:
  GuestLayout() = default;

  std::vector<RamRange> ram_;
  uint64_t ram_size_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_GUEST_LAYOUT_H_
