// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_CPU_H_
#define SEALVM_GUEST_FW_LOADER_CPU_H_

#include <stdint.h>

// Single instructions. Nothing here, and nothing else in the loader, needs an instruction emulator:
// KVM cannot read the page tables of private memory (no MMIO, no string I/O).
namespace sealvm::loader {

// Intel SDM vol. 3A section 2.5.
inline constexpr uint64_t kCr4Pae = 1 << 5;
inline constexpr uint64_t kCr4Osfxsr = 1 << 9;

inline void WritePort32(uint16_t port, uint32_t value) {
  asm volatile("outl %0, %1" ::"a"(value), "d"(port) : "memory");
}

inline void WriteCr4(uint64_t value) { asm volatile("mov %0, %%cr4" ::"r"(value) : "memory"); }

[[noreturn]] inline void HaltForever() {
  for (;;) {
    asm volatile("cli; hlt" ::: "memory");
  }
}

struct CpuidResult {
  uint32_t eax, ebx, ecx, edx;
};

inline CpuidResult Cpuid(uint32_t leaf) {
  CpuidResult r;
  asm volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
  return r;
}

// The SHA extensions, and SSSE3 for the byte swap (Intel SDM vol. 2A, CPUID).
inline bool CpuHasShaNi() {
  constexpr uint32_t kSsse3 = 1 << 9;  // leaf 1 ECX
  constexpr uint32_t kSha = 1 << 29;   // leaf 7 EBX
  return Cpuid(0).eax >= 7 && (Cpuid(1).ecx & kSsse3) != 0 && (Cpuid(7).ebx & kSha) != 0;
}

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_CPU_H_
