// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_CPU_H_
#define SEALVM_GUEST_FW_DIAG_CPU_H_

#include <stdint.h>

namespace sealvm::diag {

// One instruction each. All but ReadTsc and Pause need ring 0.

inline void Out8(uint16_t port, uint8_t value) {
  asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline void Out16(uint16_t port, uint16_t value) {
  asm volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline void Out32(uint16_t port, uint32_t value) {
  asm volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}
inline uint8_t In8(uint16_t port) {
  uint8_t value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
inline uint16_t In16(uint16_t port) {
  uint16_t value;
  asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
inline uint32_t In32(uint16_t port) {
  uint32_t value;
  asm volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

inline uint64_t ReadMsr(uint32_t msr) {
  uint32_t low, high;
  asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
  return uint64_t{high} << 32 | low;
}
inline void WriteMsr(uint32_t msr, uint64_t value) {
  asm volatile("wrmsr" ::"c"(msr), "a"(static_cast<uint32_t>(value)),
               "d"(static_cast<uint32_t>(value >> 32))
               : "memory");
}

inline uint64_t ReadCr2() {
  uint64_t value;
  asm volatile("mov %%cr2, %0" : "=r"(value));
  return value;
}
inline void WriteCr3(uint64_t value) { asm volatile("mov %0, %%cr3" ::"r"(value) : "memory"); }

inline uint64_t ReadTsc() {
  uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return uint64_t{high} << 32 | low;
}
inline void Pause() { asm volatile("pause" ::: "memory"); }

[[noreturn]] inline void HaltForever() {
  for (;;) {
    asm volatile("cli; hlt" ::: "memory");
  }
}

inline unsigned CurrentRing() {
  uint16_t cs;
  asm volatile("mov %%cs, %0" : "=r"(cs));
  return cs & 3;
}

// In ring 3 CPUID may bypass the VMM (KVM without hardware virtualization lets the real one run),
// so callers there go through Cpuid in supervisor.h.
struct CpuidResult {
  uint32_t eax, ebx, ecx, edx;
};
inline CpuidResult CpuidInRing0(uint32_t leaf, uint32_t subleaf) {
  CpuidResult r;
  asm volatile("cpuid"
               : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
               : "a"(leaf), "c"(subleaf));
  return r;
}

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_CPU_H_
