// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_SEALED_LAYOUT_H_
#define SEALVM_VMM_ISOLATION_SEALED_SEALED_LAYOUT_H_

#include <stdint.h>

#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"

namespace sealvm {

// What a CPU says of its physical addresses: CPUID leaf 0x80000008 EAX (AMD APM vol. 3 appendix E).
struct PhysicalAddressBits {
  unsigned bits = 0;        // bits 7:0
  unsigned guest_bits = 0;  // bits 23:16, 0 where not given
};

// Which memory a memslot of a sealed guest shows.
enum class SealedSource {
  kShared,    // the shared half of RAM
  kPrivate,   // the private half of RAM
  kPlatform,  // what lies from kSealedPlatformBase on
};

// One memslot; `offset` is in the object behind it. Bytes, page aligned.
struct SealedMemslot {
  uint32_t slot = 0;
  Gpa gpa = 0;
  uint64_t size = 0;
  SealedSource source = SealedSource::kShared;
  uint64_t offset = 0;
};

// A sealed guest's MMIO cannot be emulated everywhere, so there is memory where Linux looks for
// registers. First the pages of AMD's chipset, of which it reads a status register on every Zen
// CPU: 0xff, as an absent device reads. Then a page of zeroes with the PM1 event block of ACPI.
inline constexpr Gpa kSealedPlatformBase = 0xfed80000;
inline constexpr uint64_t kSealedOnesSize = 2 * kPageSize;
inline constexpr Gpa kSealedPm1EventBlock = kSealedPlatformBase + kSealedOnesSize;
inline constexpr uint64_t kSealedPlatformSize = kSealedOnesSize + kPageSize;

// Where a sealed guest's memory lies. One address bit, the C-bit as the guest's SEV code calls it,
// makes the difference: with it a GPA names a page of the private half, without it the page of the
// shared half. The staging window lies above all RAM without the bit. Immutable.
class SealedLayout {
 public:
  // With more than one CPU the first MiB is the shared half's under both names, because application
  // processors start in it without the C-bit. kInvalidInput when the guest's RAM does not fit below
  // the C-bit of this CPU.
  static Result<SealedLayout> Create(const GuestLayout& ram, const PhysicalAddressBits& address,
                                     uint32_t cpus);

  unsigned c_bit() const { return c_bit_; }
  uint64_t c_mask() const { return uint64_t{1} << c_bit_; }
  // RAM below this is shared for good.
  Gpa always_shared_end() const { return always_shared_end_; }
  // Where the window begins, how large it may be, and the memslot that it may have.
  Gpa window_base() const { return window_base_; }
  uint64_t max_window_size() const { return c_mask() - window_base_; }
  uint32_t window_slot() const { return static_cast<uint32_t>(memslots_.size()); }
  // In slot order, without the window.
  const std::vector<SealedMemslot>& memslots() const { return memslots_; }
  const GuestLayout& ram() const { return ram_; }

 private:
  SealedLayout(const GuestLayout& ram, unsigned c_bit, uint32_t cpus);
  void Add(Gpa gpa, uint64_t size, SealedSource source, uint64_t offset);

  GuestLayout ram_;
  unsigned c_bit_ = 0;
  Gpa always_shared_end_ = 0;
  Gpa window_base_ = 0;
  std::vector<SealedMemslot> memslots_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_SEALED_LAYOUT_H_
