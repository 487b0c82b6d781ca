// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/boot_info.h"

#include <algorithm>

namespace sealvm::diag {
namespace {

// Offsets in struct boot_params: Linux Documentation/arch/x86/zero-page.rst and boot.rst.
constexpr uint64_t kAcpiRsdpAddr = 0x070;
constexpr uint64_t kExtCmdLinePtr = 0x0c8;
constexpr uint64_t kE820Entries = 0x1e8;
constexpr uint64_t kCmdLinePtr = 0x228;
constexpr uint64_t kE820Table = 0x2d0;
constexpr uint64_t kE820EntrySize = 20;
constexpr uint64_t kZeroPageSize = 4096;

}  // namespace

std::string_view RangeTypeName(RangeType type) {
  switch (type) {
    case RangeType::kUsable:
      return "usable";
    case RangeType::kReserved:
      return "reserved";
    case RangeType::kAcpiReclaimable:
      return "ACPI tables";
    case RangeType::kAcpiNvs:
      return "ACPI NVS";
  }
  return "unknown type";
}

bool BootInfo::Load(const PhysicalMemory& memory, uint64_t zero_page) {
  if (memory.At(zero_page, kZeroPageSize) == nullptr) {
    return false;
  }
  rsdp_ = memory.Read<uint64_t>(zero_page + kAcpiRsdpAddr);
  LoadRanges(memory, zero_page);
  return LoadCmdline(memory, zero_page);
}

void BootInfo::LoadRanges(const PhysicalMemory& memory, uint64_t zero_page) {
  const size_t entries =
      std::min<size_t>(memory.Read<uint8_t>(zero_page + kE820Entries), kMaxRanges);
  range_count_ = 0;
  for (size_t i = 0; i < entries; ++i) {
    const uint64_t entry = zero_page + kE820Table + i * kE820EntrySize;
    const MemoryRange range{.base = memory.Read<uint64_t>(entry),
                            .size = memory.Read<uint64_t>(entry + 8),
                            .type = RangeType{memory.Read<uint32_t>(entry + 16)}};
    if (range.size != 0 && range.size <= UINT64_MAX - range.base) {
      ranges_[range_count_++] = range;
    }
  }
}

bool BootInfo::LoadCmdline(const PhysicalMemory& memory, uint64_t zero_page) {
  const uint64_t address = uint64_t{memory.Read<uint32_t>(zero_page + kExtCmdLinePtr)} << 32 |
                           memory.Read<uint32_t>(zero_page + kCmdLinePtr);
  cmdline_size_ = 0;
  if (address == 0) {
    return true;
  }
  while (cmdline_size_ < kMaxCmdline) {
    const uint8_t* c = memory.At(address + cmdline_size_, 1);
    if (c == nullptr) {
      return false;
    }
    if (*c == 0) {
      break;
    }
    cmdline_[cmdline_size_++] = static_cast<char>(*c);
  }
  return true;
}

uint64_t BootInfo::UsableBytes() const {
  uint64_t bytes = 0;
  for (const MemoryRange& range : ranges()) {
    bytes += range.type == RangeType::kUsable ? range.size : 0;
  }
  return bytes;
}

}  // namespace sealvm::diag
