// SPDX-License-Identifier: Apache-2.0
#include "devices/pci/pci_config_space.h"

#include "memory/base/endian.h"

namespace sealvm {
namespace {

constexpr uint8_t kCapabilityHeader = 2;  // identifier, link
constexpr uint32_t kDword = 4;

}  // namespace

PciConfigSpace::PciConfigSpace(const Identity& identity) {
  Set(kPciVendorId, identity.vendor_id, 2);
  Set(kPciDeviceId, identity.device_id, 2);
  Set(kPciRevision, identity.revision, 1);
  Set(kPciClassCode, identity.class_code, 3);
  Set(kPciSubsystemVendorId, identity.subsystem_vendor_id, 2);
  Set(kPciSubsystemId, identity.subsystem_id, 2);
  SetWritable(kPciCommand, kPciCommandBusMaster | kPciCommandIntxDisable, 2);
  SetWritable(kPciInterruptLine, 0xff, 1);
}

void PciConfigSpace::Set(uint32_t offset, uint64_t value, size_t width) {
  StoreLeAny(std::span(bytes_).subspan(offset, width), value);
}

void PciConfigSpace::SetWritable(uint32_t offset, uint64_t mask, size_t width) {
  for (size_t i = 0; i < width; ++i) {
    writable_[offset + i] |= static_cast<uint8_t>(mask >> (8 * i));
  }
}

void PciConfigSpace::AddBar(uint8_t bar, PciSpace space, uint32_t size, uint32_t base) {
  const uint32_t offset = kPciBar0 + bar * kDword;
  const bool is_io = space == PciSpace::kIo;
  bar_sizes_[bar] = size;
  Set(offset, base | (is_io ? kPciBarIsIo : 0), kDword);
  // Sizing: the bits below the size read as zero whatever is written.
  SetWritable(offset, ~(size - 1), kDword);
  SetWritable(kPciCommand, is_io ? kPciCommandIo : kPciCommandMemory, 2);
}

uint8_t PciConfigSpace::AddCapability(uint8_t id, std::span<const uint8_t> body,
                                      std::span<const uint8_t> writable) {
  const uint8_t offset = next_capability_;
  bytes_[last_link_] = offset;
  bytes_[offset] = id;
  last_link_ = offset + 1;
  for (size_t i = 0; i < body.size(); ++i) {
    bytes_[offset + kCapabilityHeader + i] = body[i];
    if (i < writable.size()) writable_[offset + kCapabilityHeader + i] = writable[i];
  }
  const size_t end = offset + kCapabilityHeader + body.size();
  next_capability_ = static_cast<uint8_t>((end + kDword - 1) / kDword * kDword);
  SetStatus(kPciStatusCapabilities, true);
  return offset;
}

void PciConfigSpace::UseInterruptPin(uint8_t line) {
  Set(kPciInterruptLine, line, 1);
  Set(kPciInterruptPin, 1, 1);
}

void PciConfigSpace::SetMultiFunction() { Set(kPciHeaderType, kPciHeaderMultiFunction, 1); }

void PciConfigSpace::SetReadOnly(uint8_t offset, uint32_t value, size_t width) {
  Set(offset, value, width);
}

void PciConfigSpace::Read(uint32_t offset, std::span<uint8_t> out) const {
  for (size_t i = 0; i < out.size(); ++i) {
    const uint64_t at = uint64_t{offset} + i;
    out[i] = at < kPciConfigSize ? bytes_[at] : 0xff;
  }
}

void PciConfigSpace::Write(uint32_t offset, std::span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint64_t at = uint64_t{offset} + i;
    if (at >= kPciConfigSize) return;
    const uint8_t mask = writable_[at];
    bytes_[at] = static_cast<uint8_t>((bytes_[at] & ~mask) | (bytes[i] & mask));
  }
}

uint16_t PciConfigSpace::Get16(uint32_t offset) const {
  return static_cast<uint16_t>(LoadLeAny(std::span(bytes_).subspan(offset, 2)));
}

uint32_t PciConfigSpace::Get32(uint32_t offset) const {
  return static_cast<uint32_t>(LoadLeAny(std::span(bytes_).subspan(offset, 4)));
}

void PciConfigSpace::SetStatus(uint16_t bits, bool set) {
  const uint16_t status = Get16(kPciStatus);
  Set(kPciStatus, set ? status | bits : status & ~bits, 2);
}

std::optional<PciBarWindow> PciConfigSpace::Window(uint8_t bar) const {
  const uint32_t size = bar_sizes_[bar];
  const uint32_t value = Get32(kPciBar0 + bar * kDword);
  const bool is_io = (value & kPciBarIsIo) != 0;
  const uint32_t base = value & ~(size - 1);
  const uint16_t decoding = is_io ? kPciCommandIo : kPciCommandMemory;
  if (size == 0 || base == 0 || (command() & decoding) == 0) return std::nullopt;
  return PciBarWindow{is_io ? PciSpace::kIo : PciSpace::kMemory, base, size};
}

}  // namespace sealvm
