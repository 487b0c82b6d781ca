// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/acpi/acpi_table.h"

#include <assert.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "memory/base/endian.h"

namespace sealvm {
namespace {

// Offsets in the header, ACPI 6.5 table 5.4.
constexpr size_t kLengthOffset = 4;
constexpr size_t kRevisionOffset = 8;
constexpr size_t kOemIdOffset = 10;
constexpr size_t kOemTableIdOffset = 16;
constexpr size_t kOemRevisionOffset = 24;
constexpr size_t kCreatorIdOffset = 28;
constexpr size_t kCreatorRevisionOffset = 32;

constexpr std::string_view kOemTableId = "SEALVM  ";
constexpr std::string_view kCreatorId = "SLVM";
constexpr uint32_t kOemRevision = 1;

constexpr uint8_t kSystemMemorySpace = 0;
constexpr uint8_t kSystemIoSpace = 1;

}  // namespace

AcpiTable::AcpiTable(std::string_view signature, uint8_t revision) : bytes_(kAcpiHeaderSize) {
  assert(signature.size() == 4);
  std::ranges::copy(signature, bytes_.begin());
  std::ranges::copy(kAcpiOemId, bytes_.begin() + kOemIdOffset);
  std::ranges::copy(kOemTableId, bytes_.begin() + kOemTableIdOffset);
  std::ranges::copy(kCreatorId, bytes_.begin() + kCreatorIdOffset);
  Set8(kRevisionOffset, revision);
  Set32(kOemRevisionOffset, kOemRevision);
  Set32(kCreatorRevisionOffset, kOemRevision);
}

void AcpiTable::AppendBytes(std::span<const uint8_t> bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
}

void AcpiTable::SetIoAddress(size_t offset, uint16_t port, uint8_t bits) {
  SetAddress(offset, kSystemIoSpace, port, bits);
}

void AcpiTable::SetMemoryAddress(size_t offset, uint64_t gpa, uint8_t bits) {
  SetAddress(offset, kSystemMemorySpace, gpa, bits);
}

void AcpiTable::SetAddress(size_t offset, uint8_t space, uint64_t address, uint8_t bits) {
  Set8(offset, space);
  Set8(offset + 1, bits);
  Set8(offset + 2, 0);  // bit offset
  // Access size: 1 is byte, 2 word, 3 dword.
  Set8(offset + 3, bits <= 8 ? 1 : bits <= 16 ? 2 : 3);
  Set64(offset + 4, address);
}

std::vector<uint8_t> AcpiTable::Finish() && {
  Set32(kLengthOffset, static_cast<uint32_t>(bytes_.size()));
  Set8(kAcpiChecksumOffset, 0);
  Set8(kAcpiChecksumOffset, AcpiChecksum(bytes_));
  return std::move(bytes_);
}

void AcpiTable::AppendLe(uint64_t value, size_t width) {
  bytes_.resize(bytes_.size() + width);
  SetLe(bytes_.size() - width, value, width);
}

void AcpiTable::SetLe(size_t offset, uint64_t value, size_t width) {
  assert(offset + width <= bytes_.size());
  StoreLeAny(std::span(bytes_).subspan(offset, width), value);
}

uint8_t AcpiChecksum(std::span<const uint8_t> bytes) {
  return static_cast<uint8_t>(-std::accumulate(bytes.begin(), bytes.end(), 0u));
}

}  // namespace sealvm
