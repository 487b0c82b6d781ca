// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/sealed_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "guest-fw/loader/handover_schema.h"

namespace sealvm {
namespace {

// The C-bit must be one that both levels of paging can have, below the guest's own limit where the
// processor gives one, and one that the loader can reach.
unsigned CBitOf(const PhysicalAddressBits& address) {
  const unsigned usable =
      address.guest_bits == 0 ? address.bits : std::min(address.bits, address.guest_bits);
  return std::min(usable - 1, kMaxCBit);
}

// The window begins at a GiB so that the loader's page tables can have pages of that size.
Gpa WindowBase(const GuestLayout& ram) {
  const Gpa above = std::max(ram.ram_end(), kHighRamBase);
  return (above + kGiB - 1) / kGiB * kGiB;
}

constexpr unsigned kMinAddressBits = 36;
constexpr unsigned kMaxAddressBits = 52;

}  // namespace

Result<SealedLayout> SealedLayout::Create(const GuestLayout& ram,
                                          const PhysicalAddressBits& address, uint32_t cpus) {
  if (address.bits < kMinAddressBits || address.bits > kMaxAddressBits ||
      (address.guest_bits != 0 && address.guest_bits < kMinAddressBits)) {
    return HostError(fmt::format("the CPU claims {} physical address bits, {} for guests",
                                 address.bits, address.guest_bits));
  }
  const unsigned c_bit = CBitOf(address);
  const uint64_t limit = uint64_t{1} << c_bit;
  const Gpa window = WindowBase(ram);
  // What the window holds comes out of files that fit into RAM.
  if (window > limit || ram.ram_size() > limit - window) {
    return InvalidInput(
        fmt::format("--memory: {} MiB are too much for a sealed guest on this CPU, which has {} "
                    "physical address bits",
                    ram.ram_size() / kMiB, address.bits),
        "a sealed guest needs about twice its memory below half of the address space");
  }
  return SealedLayout(ram, c_bit, cpus);
}

SealedLayout::SealedLayout(const GuestLayout& ram, unsigned c_bit, uint32_t cpus)
    : ram_(ram),
      c_bit_(c_bit),
      always_shared_end_(cpus > 1 ? kMiB : 0),
      window_base_(WindowBase(ram)) {
  for (const RamRange& range : ram_.ram()) {
    Add(range.base, range.size, SealedSource::kShared, range.backing_offset);
  }
  if (always_shared_end_ > 0) Add(c_mask(), always_shared_end_, SealedSource::kShared, 0);
  for (const RamRange& range : ram_.ram()) {
    const uint64_t skipped = range.base == 0 ? always_shared_end_ : 0;
    Add(c_mask() + range.base + skipped, range.size - skipped, SealedSource::kPrivate,
        range.backing_offset + skipped);
  }
  Add(kSealedPlatformBase, kSealedPlatformSize, SealedSource::kPlatform, 0);
}

void SealedLayout::Add(Gpa gpa, uint64_t size, SealedSource source, uint64_t offset) {
  memslots_.push_back({.slot = static_cast<uint32_t>(memslots_.size()),
                       .gpa = gpa,
                       .size = size,
                       .source = source,
                       .offset = offset});
}

}  // namespace sealvm
