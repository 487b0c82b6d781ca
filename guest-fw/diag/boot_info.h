// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_BOOT_INFO_H_
#define SEALVM_GUEST_FW_DIAG_BOOT_INFO_H_

#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string_view>

#include "guest-fw/diag/physical_memory.h"

namespace sealvm::diag {

// E820 types: ACPI 6.5 section 15.
enum class RangeType : uint32_t {
  kUsable = 1,
  kReserved = 2,
  kAcpiReclaimable = 3,
  kAcpiNvs = 4,
};

struct MemoryRange {
  uint64_t base = 0;
  uint64_t size = 0;  // bytes
  RangeType type = RangeType::kReserved;

  uint64_t end() const { return base + size; }
  bool is_ram() const { return type != RangeType::kReserved && static_cast<uint32_t>(type) <= 4; }
  friend bool operator==(const MemoryRange&, const MemoryRange&) = default;
};

std::string_view RangeTypeName(RangeType type);

// A copy of what the zero page says, so that the zero page itself can be tested as RAM.
class BootInfo {
 public:
  static constexpr size_t kMaxRanges = 128;    // what the zero page holds
  static constexpr size_t kMaxCmdline = 2047;  // longer ones are cut off

  // `zero_page` is struct boot_params' address (Linux Documentation/arch/x86/zero-page.rst). False
  // when it or the command line is not inside `memory`. Ranges that are empty or wrap are left out.
  bool Load(const PhysicalMemory& memory, uint64_t zero_page);

  std::span<const MemoryRange> ranges() const { return {ranges_, range_count_}; }
  std::string_view cmdline() const { return {cmdline_, cmdline_size_}; }
  uint64_t rsdp() const { return rsdp_; }
  // All bytes of type usable.
  uint64_t UsableBytes() const;

 private:
  void LoadRanges(const PhysicalMemory& memory, uint64_t zero_page);
  bool LoadCmdline(const PhysicalMemory& memory, uint64_t zero_page);

  MemoryRange ranges_[kMaxRanges];
  size_t range_count_ = 0;
  char cmdline_[kMaxCmdline];
  size_t cmdline_size_ = 0;
  uint64_t rsdp_ = 0;
};

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_BOOT_INFO_H_
