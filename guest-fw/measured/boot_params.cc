// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/boot_params.h"

#include <algorithm>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

// Offsets in struct boot_params (Linux arch/x86/include/uapi/asm/bootparam.h).
constexpr uint64_t kAcpiRsdpAddress = BOOT_PARAMS + 0x70;
constexpr uint64_t kE820Entries = BOOT_PARAMS + 0x1e8;
constexpr uint64_t kTypeOfLoader = BOOT_PARAMS + 0x210;
constexpr uint64_t kCode32Start = BOOT_PARAMS + 0x214;
constexpr uint64_t kRamdiskImage = BOOT_PARAMS + 0x218;
constexpr uint64_t kRamdiskSize = BOOT_PARAMS + 0x21c;
constexpr uint64_t kCmdLinePtr = BOOT_PARAMS + 0x228;
constexpr uint64_t kSetupData = BOOT_PARAMS + 0x250;
constexpr uint64_t kE820Table = BOOT_PARAMS + 0x2d0;
constexpr unsigned kE820MaxEntries = 128;
constexpr uint64_t kE820EntrySize = 20;
constexpr uint8_t kLoaderUndefined = 0xff;
constexpr uint64_t kEntry64 = 0x200;

// struct setup_data, then u32 address of the blob; the blob (arch/x86/include/asm/sev.h, struct
// cc_setup_data and cc_blob_sev_info).
constexpr uint32_t kSetupCcBlob = 7;
constexpr uint64_t kCcBlob = CC_BLOB_PAGE + 0x40;
constexpr uint32_t kCcBlobMagic = 0x45444d41;

class MemoryMapWriter {
 public:
  explicit MemoryMapWriter(const GuestMemory& memory) : memory_(memory) {}

  Failure Add(const Range& range, MemoryType type) {
    if (range.size == 0) return Failure::kNone;
    if (count_ == kE820MaxEntries) return Failure::kMemoryMap;
    const uint64_t at = kE820Table + count_ * kE820EntrySize;
    memory_.Store(at, range.base);
    memory_.Store(at + 8, range.size);
    memory_.Store(at + 16, static_cast<uint32_t>(type));
    memory_.Store(kE820Entries, static_cast<uint8_t>(++count_));
    return Failure::kNone;
  }

 private:
  const GuestMemory memory_;
  unsigned count_ = 0;
};

// What is not usable RAM, by address. The hole for video memory and BIOS is in no entry.
struct Reservations {
  Reservation list[5];
  size_t count = 0;

  void Add(const Range& range, MemoryType type) {
    if (range.size != 0) list[count++] = {.range = range, .type = type};
  }
};

Failure WriteMemoryMap(const GuestMemory& memory, const RamMap& ram,
                       const Reservations& reservations) {
  MemoryMapWriter writer(memory);
  for (size_t i = 0; i < ram.count(); ++i) {
    uint64_t done = ram.range(i).base;
    for (size_t j = 0; i == 0 && j < reservations.count; ++j) {
      const auto& [range, type] = reservations.list[j];
      SEALVM_FW_TRY(writer.Add({.base = done, .size = range.base - done}, MemoryType::kRam));
      if (range != kVideoHole) SEALVM_FW_TRY(writer.Add(range, type));
      done = range.end();
    }
    SEALVM_FW_TRY(writer.Add({.base = done, .size = ram.range(i).end() - done}, MemoryType::kRam));
  }
  return Failure::kNone;
}

Reservations ReservationsOf(IsolationKind kind, const Range& acpi) {
  Reservations reservations;
  if (kind == IsolationKind::kTdx) {
    // Other processors stay in the mailbox's loop, on these tables.
    reservations.Add({.base = PAGE_TABLES, .size = PAGE_TABLES_SIZE}, MemoryType::kAcpiNvs);
    reservations.Add({.base = MAILBOX_PAGE, .size = kSmallPage}, MemoryType::kAcpiNvs);
  }
  if (kind == IsolationKind::kSnp) {
    reservations.Add({.base = SECRETS_PAGE, .size = kSmallPage}, MemoryType::kReserved);
    reservations.Add({.base = CPUID_PAGE, .size = kSmallPage}, MemoryType::kReserved);
    reservations.Add({.base = CC_BLOB_PAGE, .size = kSmallPage}, MemoryType::kReserved);
  }
  reservations.Add(kVideoHole, MemoryType::kReserved);
  reservations.Add(acpi, MemoryType::kAcpiReclaimable);
  return reservations;
}

void WriteCcBlob(const GuestMemory& memory) {
  memory.Zero(CC_BLOB_PAGE, kSmallPage);
  memory.Store<uint32_t>(CC_BLOB_PAGE + 8, kSetupCcBlob);
  memory.Store<uint32_t>(CC_BLOB_PAGE + 12, sizeof(uint32_t));
  memory.Store<uint32_t>(CC_BLOB_PAGE + 16, kCcBlob);
  memory.Store<uint32_t>(kCcBlob, kCcBlobMagic);
  memory.Store<uint64_t>(kCcBlob + 8, SECRETS_PAGE);
  memory.Store<uint32_t>(kCcBlob + 16, kSmallPage);
  memory.Store<uint64_t>(kCcBlob + 24, CPUID_PAGE);
  memory.Store<uint32_t>(kCcBlob + 32, kSmallPage);
}

}  // namespace

Failure CompleteBootParams(const GuestMemory& memory, IsolationKind kind, const RamMap& ram,
                           const LoadedKernel& kernel, const Range& acpi, uint64_t rsdp) {
  SEALVM_FW_TRY(WriteMemoryMap(memory, ram, ReservationsOf(kind, acpi)));
  memory.Store<uint64_t>(kAcpiRsdpAddress, rsdp);
  memory.Store<uint8_t>(kTypeOfLoader, kLoaderUndefined);
  memory.Store<uint32_t>(kCode32Start, static_cast<uint32_t>(kernel.entry - kEntry64));
  memory.Store<uint32_t>(kRamdiskImage, static_cast<uint32_t>(kernel.initrd.base));
  memory.Store<uint32_t>(kRamdiskSize, static_cast<uint32_t>(kernel.initrd.size));
  memory.Store<uint32_t>(kCmdLinePtr, CMDLINE);
  memory.Store<uint64_t>(kSetupData, kind == IsolationKind::kSnp ? CC_BLOB_PAGE : 0);
  if (kind == IsolationKind::kSnp) WriteCcBlob(memory);
  return Failure::kNone;
}

}  // namespace sealvm::measured
