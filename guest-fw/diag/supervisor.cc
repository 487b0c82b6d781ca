// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/supervisor.h"

#include <algorithm>
#include <new>

#include "guest-fw/diag/console.h"
#include "guest-fw/diag/end.h"
#include "guest-fw/diag/exceptions.h"
#include "guest-fw/diag/tasks.h"

extern "C" {
uint64_t EnterSupervisor(uint64_t (*function)(uint64_t), uint64_t argument);
[[noreturn]] void EnterRing3(void (*function)());
bool ReadMsrOrFault(uint32_t msr, uint64_t* value);
}

namespace sealvm::diag {
namespace {

constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr uint64_t kPageSize = 4096;

// CPUID 0x80000001 EDX: AMD64 APM vol. 3 appendix E.4.2.
constexpr uint32_t kExtendedFeatures = 0x8000'0001;
constexpr uint32_t kGigabytePages = 1 << 26;

// A PML4, a PDPT and, without pages of 1 GiB, four page directories: what the low 4 GiB need.
alignas(kPageSize) uint8_t low_tables[6 * kPageSize];

alignas(Startup) uint8_t startup_storage[sizeof(Startup)];
alignas(PageTables) uint8_t page_tables_storage[sizeof(PageTables)];

Startup& MutableStartup() { return *std::launder(reinterpret_cast<Startup*>(startup_storage)); }

bool HasGigabytePages() {
  return CpuidInRing0(0x8000'0000, 0).eax >= kExtendedFeatures &&
         (CpuidInRing0(kExtendedFeatures, 0).edx & kGigabytePages) != 0;
}

// RAM first: a large page that holds both RAM and a hole is then write-back, and KVM makes device
// accesses in it right anyway.
bool MapLow4GiB(PageTables& tables, const BootInfo& boot) {
  const auto area = reinterpret_cast<uint64_t>(low_tables);
  tables.UseArea(area, area + sizeof(low_tables));
  for (const MemoryRange& range : boot.ranges()) {
    if (range.is_ram() && range.base < 4 * kGiB) {
      const uint64_t size = std::min(range.size, 4 * kGiB - range.base);
      if (!tables.Map(range.base, size, PageTables::Caching::kWriteBack)) {
        return false;
      }
    }
  }
  return tables.Map(0, 4 * kGiB, PageTables::Caching::kUncached);
}

}  // namespace

uint64_t CallSupervisor(uint64_t (*function)(uint64_t), uint64_t argument) {
  return CurrentRing() == 0 ? function(argument) : EnterSupervisor(function, argument);
}

CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidResult result;
  InRing0([&] { result = CpuidInRing0(leaf, subleaf); });
  return result;
}

bool TryReadMsr(uint32_t msr, uint64_t* value) {
  bool there = false;
  InRing0([&] { there = ReadMsrOrFault(msr, value); });
  return there;
}

const Startup& GetStartup() { return MutableStartup(); }

extern "C" [[noreturn]] void StartSupervisor(uint64_t zero_page, uint64_t entry_tsc) {
  SetUpDescriptors();
  SetUpConsole();
  auto& startup = *new (startup_storage) Startup;
  startup.entry_tsc = entry_tsc;
  startup.gigabyte_pages = HasGigabytePages();
  const PhysicalMemory memory(0, PageTables::kEnd);
  if (!startup.boot.Load(memory, zero_page) || startup.boot.ranges().empty()) {
    Fail("the zero page holds no memory map");
  }
  startup.page_tables = new (page_tables_storage) PageTables(memory, startup.gigabyte_pages);
  if (!MapLow4GiB(*startup.page_tables, startup.boot)) {
    Fail("no page tables for the low 4 GiB");
  }
  WriteCr3(startup.page_tables->root());
  EnterRing3(RunTask);
}

}  // namespace sealvm::diag
