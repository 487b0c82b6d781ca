// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_ACPI_H_
#define SEALVM_GUEST_FW_DIAG_ACPI_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>

#include "guest-fw/diag/physical_memory.h"

namespace sealvm::diag {

// A register of the Generic Address Structure kind (ACPI 6.5 section 5.2.3.2).
struct AcpiRegister {
  enum class Space : uint8_t { kMemory = 0, kIo = 1 };
  Space space = Space::kMemory;
  uint64_t address = 0;  // 0: there is none

  friend bool operator==(const AcpiRegister&, const AcpiRegister&) = default;
};

// What the diagnostic guest needs to know from the ACPI tables, copied out of them. Every table on
// the way has its signature, length and checksum verified; the tables are the machine's, so an
// error is a finding about the machine.
class AcpiInfo {
 public:
  static constexpr size_t kMaxApics = 1024;

  // Empty on success, else what is wrong.
  std::string_view Load(const PhysicalMemory& memory, uint64_t rsdp);

  // APIC ids of the enabled processors, in the order of the MADT.
  std::span<const uint32_t> apic_ids() const { return {apic_ids_, apic_count_}; }

  bool hardware_reduced() const { return hardware_reduced_; }
  // SLEEP_CONTROL_REG when hardware-reduced, else PM1a_CNT.
  const AcpiRegister& sleep_control() const { return sleep_control_; }
  const AcpiRegister& reset() const { return reset_; }
  uint8_t s5_sleep_type() const { return s5_sleep_type_; }

 private:
  std::string_view LoadMadt(const PhysicalMemory& memory, uint64_t madt);
  std::string_view LoadFadt(const PhysicalMemory& memory, uint64_t fadt);
  std::string_view LoadS5(const PhysicalMemory& memory, uint64_t dsdt);
  void AddApic(uint32_t id, uint32_t flags);

  uint32_t apic_ids_[kMaxApics];
  size_t apic_count_ = 0;
  bool hardware_reduced_ = false;
  AcpiRegister sleep_control_;
  AcpiRegister reset_;
  uint8_t s5_sleep_type_ = 0;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_ACPI_H_
