// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/aml_resources.h"

#include <assert.h>
#include <stddef.h>

namespace sealvm::aml {
namespace {

// Tags (ACPI 6.5 sections 6.4.2 and 6.4.3); of small items with their length.
constexpr uint8_t kIoPortTag = 0x47;
constexpr uint8_t kEndTag = 0x79;
constexpr uint8_t kDwordAddressTag = 0x87;
constexpr uint8_t kWordAddressTag = 0x88;
constexpr uint8_t kExtendedInterruptTag = 0x89;
constexpr uint8_t kQwordAddressTag = 0x8a;

// Section 6.4.3.5.1, "Resource Type".
constexpr uint8_t kMemoryRange = 0;
constexpr uint8_t kIoRange = 1;
constexpr uint8_t kBusNumberRange = 2;
constexpr uint8_t kMinAndMaxFixed = (1 << 2) | (1 << 3);
constexpr uint8_t kReadWriteUncached = 1;  // table 6.50
constexpr uint8_t kEntireIoRange = 3;      // table 6.51: ISA and non-ISA ports

void AppendLe(Bytes& target, uint64_t value, size_t width) {
  for (size_t i = 0; i < width; ++i) target.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// An address space descriptor whose five numbers are `width` bytes wide: granularity, minimum,
// maximum, translation, length.
Bytes AddressSpace(uint8_t tag, size_t width, uint8_t type, uint8_t type_flags, uint64_t base,
                   uint64_t length) {
  assert(length > 0 && base + (length - 1) >= base);
  Bytes descriptor = {tag};
  AppendLe(descriptor, 3 + 5 * width, 2);
  descriptor.insert(descriptor.end(), {type, kMinAndMaxFixed, type_flags});
  for (const uint64_t number : {uint64_t{0}, base, base + (length - 1), uint64_t{0}, length}) {
    AppendLe(descriptor, number, width);
  }
  return descriptor;
}

// Section 6.4.3.6, "Interrupt Vector Flags": active high and not shared are zeroes.
constexpr uint8_t kConsumer = 1 << 0;
constexpr uint8_t kEdge = 1 << 1;

Bytes Interrupt(uint32_t gsi, uint8_t flags) {
  constexpr uint8_t kLength = 6;
  constexpr uint8_t kCount = 1;
  Bytes descriptor = {kExtendedInterruptTag, kLength, 0, static_cast<uint8_t>(kConsumer | flags),
                      kCount};
  AppendLe(descriptor, gsi, 4);
  return descriptor;
}

}  // namespace

Bytes ResourceTemplate(Terms descriptors) {
  Bytes all;
  for (const Bytes& descriptor : descriptors) {
    all.insert(all.end(), descriptor.begin(), descriptor.end());
  }
  // A checksum of zero counts as correct (section 6.4.2.9).
  all.insert(all.end(), {kEndTag, 0});
  return Buffer(all);
}

Bytes IoPorts(uint16_t base, uint8_t length) {
  constexpr uint8_t kDecode16 = 1;
  constexpr uint8_t kAlignment = 1;
  Bytes descriptor = {kIoPortTag, kDecode16};
  AppendLe(descriptor, base, 2);
  AppendLe(descriptor, base, 2);
  descriptor.insert(descriptor.end(), {kAlignment, length});
  return descriptor;
}

Bytes EdgeInterrupt(uint32_t gsi) { return Interrupt(gsi, kEdge); }

Bytes LevelInterrupt(uint32_t gsi) { return Interrupt(gsi, 0); }

Bytes BusNumberWindow(uint8_t first, uint16_t count) {
  assert(first + count <= 256);
  return AddressSpace(kWordAddressTag, 2, kBusNumberRange, 0, first, count);
}

Bytes IoWindow(uint16_t base, uint32_t length) {
  assert(base + length <= 0x10000);
  // A window of all 64 Ki ports has a length that a word cannot hold.
  return AddressSpace(kDwordAddressTag, 4, kIoRange, kEntireIoRange, base, length);
}

Bytes MemoryWindow(uint64_t base, uint64_t length) {
  const bool below_4g = base + (length - 1) <= UINT32_MAX;
  return AddressSpace(below_4g ? kDwordAddressTag : kQwordAddressTag, below_4g ? 4 : 8,
                      kMemoryRange, kReadWriteUncached, base, length);
}

}  // namespace sealvm::aml
