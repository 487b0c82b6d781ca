// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/smp.h"

#include <string.h>

#include <algorithm>

#include "guest-fw/diag/cpu.h"
#include "guest-fw/diag/exceptions.h"
#include "guest-fw/diag/layout.h"
#include "guest-fw/diag/memory_check.h"
#include "guest-fw/diag/supervisor.h"

extern "C" {
extern uint8_t ap_trampoline[];
extern uint8_t ap_trampoline_fields[];
extern uint8_t ap_trampoline_end[];
extern uint64_t ap_online[MAX_APIC_IDS / 64];
extern uint64_t ap_cr3;
void ApLongMode();
}

namespace sealvm::diag {
namespace {

// Local APIC: Intel SDM vol. 3A sections 11.4, 11.6.1 and 11.12.
constexpr uint64_t kApicBaseMask = 0x000f'ffff'ffff'f000;
constexpr uint64_t kApicX2 = 1 << 10;
constexpr uint64_t kApicEnable = 1 << 11;
constexpr uint32_t kX2apicSpuriousMsr = 0x80f;
constexpr uint32_t kX2apicIcrMsr = 0x830;
constexpr uint64_t kXapicId = 0x20;
constexpr uint64_t kXapicSpurious = 0xf0;
constexpr uint32_t kSpuriousEnable = 0x1ff;  // software enable, vector 255
constexpr uint64_t kXapicIcrLow = 0x300;
constexpr uint64_t kXapicIcrHigh = 0x310;
constexpr uint32_t kIcrPending = 1 << 12;
constexpr uint32_t kIcrInit = 0x4500;
constexpr uint32_t kIcrStartUp = 0x4600;
constexpr uint32_t kCpuidX2apic = 1 << 21;  // CPUID 1 ECX

// Where a start-up IPI can point: its vector is the page number. Page 0 has the real-mode vectors,
// and from 640 KiB on there are no plain pages on a PC.
constexpr uint64_t kFirstTrampoline = 0x1000;
constexpr uint64_t kTrampolineEnd = 0xa0000;
constexpr uint64_t kPage = 4096;

// How long to wait for the next vCPU, in TSC ticks: a second at 4 GHz, two at 2 GHz.
constexpr uint64_t kPatience = 4'000'000'000;
// After which all that are silent are started again: a few tens of milliseconds.
constexpr uint64_t kFirstRound = 100'000'000;

// What the trampoline reads; see entry.S.
struct [[gnu::packed]] TrampolineFields {
  uint32_t cr3;
  uint32_t target;
  uint16_t code_selector;
  uint16_t gdt_limit;
  uint32_t gdt_base;
};

// This vCPU's; all but x2apic() in ring 0 only.
class LocalApic {
 public:
  void Enable() {
    x2apic_ = (CpuidInRing0(1, 0).ecx & kCpuidX2apic) != 0;
    uint64_t base = ReadMsr(APIC_BASE_MSR) | kApicEnable;
    if (x2apic_) {
      base |= kApicX2;
    }
    WriteMsr(APIC_BASE_MSR, base);
    mmio_ = base & kApicBaseMask;
    // KVM looks anew at which vCPUs there are when an APIC is enabled by software. Without that,
    // IPIs to the vCPU that was created last get lost.
    if (x2apic_) {
      WriteMsr(kX2apicSpuriousMsr, kSpuriousEnable);
    } else {
      Write(kXapicSpurious, kSpuriousEnable);
    }
  }

  bool x2apic() const { return x2apic_; }

  uint32_t Id() const {
    return x2apic_ ? static_cast<uint32_t>(ReadMsr(X2APIC_ID_MSR)) : Read(kXapicId) >> 24;
  }

  void Send(uint32_t destination, uint32_t command) const {
    if (x2apic_) {
      WriteMsr(kX2apicIcrMsr, uint64_t{destination} << 32 | command);
      return;
    }
    Write(kXapicIcrHigh, destination << 24);
    Write(kXapicIcrLow, command);
    for (unsigned i = 0; i < 1000 && (Read(kXapicIcrLow) & kIcrPending) != 0; ++i) {
      Pause();
    }
  }

 private:
  // Plain MOVs: KVM has to emulate them.
  uint32_t Read(uint64_t offset) const {
    uint32_t value;
    asm volatile("movl (%1), %0" : "=r"(value) : "r"(mmio_ + offset) : "memory");
    return value;
  }
  void Write(uint64_t offset, uint32_t value) const {
    asm volatile("movl %0, (%1)" ::"r"(value), "r"(mmio_ + offset) : "memory");
  }

  bool x2apic_ = false;
  uint64_t mmio_ = 0;
};

// Where in usable RAM the trampoline's page and the page table behind it go, as high as they can,
// or 0.
uint64_t FindTrampoline(std::span<const MemoryRange> ranges, bool with_table) {
  const uint64_t size = (with_table ? 2 : 1) * kPage;
  uint64_t page = 0;
  for (const PageSpan& span : CheckPlan(ranges).spans()) {
    const uint64_t end = std::min(span.end, kTrampolineEnd);
    if (end >= kFirstTrampoline + size && end - size >= span.start && end - size > page) {
      page = end - size;
    }
  }
  return page;
}

// Real mode can load only 32 bits into CR3, so no C-bit: with one, the topmost table is copied to
// where memory is shared for this. Its entries have the bit.
void WriteTrampoline(uint64_t page, uint64_t cr3, bool with_table) {
  auto* to = reinterpret_cast<uint8_t*>(page);
  memcpy(to, ap_trampoline, static_cast<size_t>(ap_trampoline_end - ap_trampoline));
  if (with_table) {
    memcpy(to + kPage, reinterpret_cast<const uint8_t*>(cr3 & UINT32_MAX), kPage);
  }
  ap_cr3 = cr3;
  const TrampolineFields fields{
      .cr3 = static_cast<uint32_t>(with_table ? page + kPage : cr3),
      .target = static_cast<uint32_t>(reinterpret_cast<uint64_t>(&ApLongMode)),
      .code_selector = KERNEL_CODE_SELECTOR,
      .gdt_limit = GdtLimit(),
      .gdt_base = GdtAddress(),
  };
  memcpy(to + (ap_trampoline_fields - ap_trampoline), &fields, sizeof(fields));
}

bool IsOnline(uint32_t apic_id) {
  return apic_id < MAX_APIC_IDS &&
         (__atomic_load_n(&ap_online[apic_id / 64], __ATOMIC_ACQUIRE) >> (apic_id % 64) & 1) != 0;
}

size_t CountOnline(std::span<const uint32_t> apic_ids) {
  size_t count = 0;
  for (uint32_t id : apic_ids) {
    count += IsOnline(id) ? 1 : 0;
  }
  return count;
}

void StartSilent(const LocalApic& apic, std::span<const uint32_t> apic_ids, uint64_t page) {
  for (uint32_t id : apic_ids) {
    if (!IsOnline(id)) {
      apic.Send(id, kIcrInit);
      apic.Send(id, kIcrStartUp | static_cast<uint32_t>(page >> 12));
    }
  }
}

// INIT and start-up IPI are repeated for those that stay silent: with xAPIC and KVM without
// hardware virtualization the first pair to the last vCPU was seen to get lost. Each round is twice
// as long, so that a slow vCPU is not started over and over. Patience starts anew with every one
// that answers.
size_t StartAndWait(std::span<const uint32_t> apic_ids, const LocalApic& apic, uint64_t page) {
  size_t online = CountOnline(apic_ids);
  uint64_t progress = ReadTsc();
  uint64_t round = kFirstRound;
  while (online < apic_ids.size() && ReadTsc() - progress < kPatience) {
    InRing0([&] { StartSilent(apic, apic_ids, page); });
    const uint64_t sent = ReadTsc();
    size_t now = online;
    while (now < apic_ids.size() && ReadTsc() - sent < round) {
      Pause();
      now = CountOnline(apic_ids);
    }
    progress = now != online ? ReadTsc() : progress;
    online = now;
    round *= 2;
  }
  return online;
}

}  // namespace

SmpResult StartOtherVcpus(std::span<const uint32_t> apic_ids, std::span<const MemoryRange> ranges,
                          uint64_t cr3) {
  SmpResult result;
  LocalApic apic;
  const bool with_table = cr3 > UINT32_MAX;
  const uint64_t page = FindTrampoline(ranges, with_table);
  result.has_trampoline_page = page != 0;
  InRing0([&] {
    apic.Enable();
    const uint32_t own_id = apic.Id();
    if (own_id < MAX_APIC_IDS) {
      ap_online[own_id / 64] |= uint64_t{1} << (own_id % 64);
    }
    if (page != 0) {
      WriteTrampoline(page, cr3, with_table);
    }
  });
  result.x2apic = apic.x2apic();
  result.answered = page != 0 ? StartAndWait(apic_ids, apic, page) : CountOnline(apic_ids);
  for (uint32_t id : apic_ids) {
    if (!IsOnline(id) && !result.has_silent) {
      result.has_silent = true;
      result.first_silent = id;
    }
  }
  return result;
}

}  // namespace sealvm::diag
