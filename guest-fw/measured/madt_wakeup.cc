// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/madt_wakeup.h"

namespace sealvm::measured {
namespace {

// ACPI 6.5 sections 5.2.5.3, 5.2.6, 5.2.8 and 5.2.12.
constexpr uint64_t kRsdpSize = 36;
constexpr uint64_t kRsdpXsdt = 24;
constexpr uint64_t kTableLength = 4;
constexpr uint64_t kTableChecksum = 9;
constexpr uint64_t kTableHeader = 36;
constexpr uint64_t kMadtHeader = 44;
constexpr uint32_t kXsdtSignature = 0x54445358;  // "XSDT"
constexpr uint32_t kMadtSignature = 0x43495041;  // "APIC"

// u8 type, u8 length, u16 version of the mailbox, u32 reserved, u64 address.
constexpr uint8_t kWakeupType = 0x10;
constexpr uint8_t kWakeupLength = 16;

class MadtEditor {
 public:
  MadtEditor(const GuestMemory& memory, const Range& tables) : memory_(memory), tables_(tables) {}

  Failure Add(uint64_t free, uint64_t rsdp, uint64_t mailbox) {
    if (!Contains(rsdp, kRsdpSize)) return Failure::kAcpiTables;
    Range xsdt = {.base = memory_.Load<uint64_t>(rsdp + kRsdpXsdt)};
    if (!IsTable(&xsdt, kXsdtSignature, kTableHeader)) return Failure::kAcpiTables;
    for (uint64_t entry = xsdt.base + kTableHeader; entry + 8 <= xsdt.end(); entry += 8) {
      Range madt = {.base = memory_.Load<uint64_t>(entry)};
      if (!IsTable(&madt, kMadtSignature, kMadtHeader)) continue;
      const Range copy = {.base = (free + 7) & ~uint64_t{7}, .size = madt.size + kWakeupLength};
      if (!Contains(copy.base, copy.size)) return Failure::kAcpiMemory;
      memory_.Copy(copy.base, madt.base, madt.size);
      memory_.Store(copy.base + kTableLength, static_cast<uint32_t>(copy.size));
      const uint64_t wakeup = copy.base + madt.size;
      memory_.Zero(wakeup, kWakeupLength);
      memory_.Store(wakeup, kWakeupType);
      memory_.Store(wakeup + 1, kWakeupLength);
      memory_.Store(wakeup + 8, mailbox);
      UpdateChecksum(copy);
      memory_.Store(entry, copy.base);
      UpdateChecksum(xsdt);
      return Failure::kNone;
    }
    return Failure::kAcpiTables;
  }

 private:
  bool Contains(uint64_t base, uint64_t size) const {
    return base >= tables_.base && base <= tables_.end() && size <= tables_.end() - base;
  }

  // Completes `table` with its size.
  bool IsTable(Range* table, uint32_t signature, uint64_t least) const {
    if (!Contains(table->base, least) || memory_.Load<uint32_t>(table->base) != signature) {
      return false;
    }
    table->size = memory_.Load<uint32_t>(table->base + kTableLength);
    return table->size >= least && Contains(table->base, table->size);
  }

  void UpdateChecksum(const Range& table) const {
    memory_.Store<uint8_t>(table.base + kTableChecksum, 0);
    uint8_t sum = 0;
    for (uint64_t i = 0; i < table.size; ++i) sum += *memory_.At(table.base + i);
    memory_.Store<uint8_t>(table.base + kTableChecksum, static_cast<uint8_t>(-sum));
  }

  const GuestMemory memory_;
  const Range tables_;
};

}  // namespace

Failure AddMadtWakeup(const GuestMemory& memory, const Range& tables, uint64_t free, uint64_t rsdp,
                      uint64_t mailbox) {
  return MadtEditor(memory, tables).Add(free, rsdp, mailbox);
}

}  // namespace sealvm::measured
