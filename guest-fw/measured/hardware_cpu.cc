// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/hardware_cpu.h"

#include "guest-fw/loader/sha256.h"
#include "guest-fw/measured/guest_memory.h"

extern "C" {
// Of tdcall.S and entry.S.
void SealvmTdcall(sealvm::measured::TdcallRegisters* registers);
[[gnu::visibility("hidden")]] extern volatile uint32_t ap_gate;
}

namespace sealvm::measured {
namespace {

constexpr uint64_t kCr4Osfxsr = 1 << 9;

}  // namespace

uint32_t HardwareCpu::In(uint16_t port, unsigned width) {
  uint32_t value = 0;
  switch (width) {
    case 1:
      asm volatile("inb %1, %b0" : "+a"(value) : "d"(port) : "memory");
      break;
    case 2:
      asm volatile("inw %1, %w0" : "+a"(value) : "d"(port) : "memory");
      break;
    default:
      asm volatile("inl %1, %0" : "+a"(value) : "d"(port) : "memory");
      break;
  }
  return value;
}

void HardwareCpu::Out(uint16_t port, unsigned width, uint32_t value) {
  switch (width) {
    case 1:
      asm volatile("outb %b0, %1" ::"a"(value), "d"(port) : "memory");
      break;
    case 2:
      asm volatile("outw %w0, %1" ::"a"(value), "d"(port) : "memory");
      break;
    default:
      asm volatile("outl %0, %1" ::"a"(value), "d"(port) : "memory");
      break;
  }
}

CpuidResult HardwareCpu::Cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidResult r;
  asm volatile("cpuid"
               : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
               : "a"(leaf), "c"(subleaf));
  return r;
}

uint64_t HardwareCpu::ReadMsr(uint32_t msr) {
  uint32_t low;
  uint32_t high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
  return uint64_t{high} << 32 | low;
}

void HardwareCpu::WriteMsr(uint32_t msr, uint64_t value) {
  asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<uint32_t>(value)),
               "d"(static_cast<uint32_t>(value >> 32))
               : "memory");
}

// AMD APM vol. 3, VMGEXIT; older assemblers do not know the name.
void HardwareCpu::Vmgexit() { asm volatile("rep; vmmcall" ::: "memory"); }

// AMD APM vol. 3, PVALIDATE.
PvalidateResult HardwareCpu::Pvalidate(uint64_t address, bool large, bool validate) {
  uint64_t rax = address;
  bool carry;
  asm volatile(".byte 0xf2, 0x0f, 0x01, 0xff"
               : "+a"(rax), "=@ccc"(carry)
               : "c"(uint64_t{large}), "d"(uint64_t{validate})
               : "memory");
  return {.status = static_cast<uint32_t>(rax), .unchanged = carry};
}

void HardwareCpu::EvictPage(uint64_t address) {
  const auto* page = reinterpret_cast<const volatile uint8_t*>(address);
  (void)page[0];
  (void)page[kSmallPage - 1];
}

void HardwareCpu::Tdcall(TdcallRegisters& registers) { SealvmTdcall(&registers); }

void HardwareCpu::FlushTlb() {
  uint64_t cr3;
  asm volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3)::"memory");
}

void HardwareCpu::AllowSse(bool on) {
  uint64_t cr4;
  asm volatile("mov %%cr4, %0" : "=r"(cr4));
  if (!on) SealvmClearSseRegisters();
  cr4 = on ? cr4 | kCr4Osfxsr : cr4 & ~kCr4Osfxsr;
  asm volatile("mov %0, %%cr4" ::"r"(cr4) : "memory");
}

void HardwareCpu::OpenApGate() { ap_gate = 1; }

void HardwareCpu::Halt() {
  for (;;) {
    asm volatile("cli; hlt" ::: "memory");
  }
}

}  // namespace sealvm::measured
