// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ACPI_ACPI_TABLE_H_
#define SEALVM_VMM_BOOT_ACPI_ACPI_TABLE_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>
#include <vector>

namespace sealvm {

// "SEALVM" is also the OEM and creator of all tables.
inline constexpr std::string_view kAcpiOemId = "SEALVM";
inline constexpr size_t kAcpiHeaderSize = 36;     // ACPI 6.5 section 5.2.6
inline constexpr size_t kAcpiChecksumOffset = 9;  // in the header

// A system description table in the making: the header first, the body appended or set by offset.
class AcpiTable {
 public:
  AcpiTable(std::string_view signature, uint8_t revision);

  void Append8(uint8_t value) { AppendLe(value, 1); }
  void Append16(uint16_t value) { AppendLe(value, 2); }
  void Append32(uint32_t value) { AppendLe(value, 4); }
  void Append64(uint64_t value) { AppendLe(value, 8); }
  void AppendBytes(std::span<const uint8_t> bytes);

  // Makes the table `size` bytes long, with zeroes; for tables that are filled by offset.
  void Resize(size_t size) { bytes_.resize(size); }
  void Set8(size_t offset, uint8_t value) { SetLe(offset, value, 1); }
  void Set16(size_t offset, uint16_t value) { SetLe(offset, value, 2); }
  void Set32(size_t offset, uint32_t value) { SetLe(offset, value, 4); }
  void Set64(size_t offset, uint64_t value) { SetLe(offset, value, 8); }
  // A generic address structure (section 5.2.3.2) that names `bits` bits of I/O ports.
  void SetIoAddress(size_t offset, uint16_t port, uint8_t bits);
  void SetMemoryAddress(size_t offset, uint64_t gpa, uint8_t bits);

  // The table with its length and checksum.
  std::vector<uint8_t> Finish() &&;

 private:
  void AppendLe(uint64_t value, size_t width);
  void SetLe(size_t offset, uint64_t value, size_t width);
  void SetAddress(size_t offset, uint8_t space, uint64_t address, uint8_t bits);

  std::vector<uint8_t> bytes_;
};

// The byte that makes the sum of all bytes, with itself, zero modulo 256.
uint8_t AcpiChecksum(std::span<const uint8_t> bytes);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ACPI_ACPI_TABLE_H_
