// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_CPU_H_
#define SEALVM_GUEST_FW_MEASURED_CPU_H_

#include <stdint.h>

namespace sealvm::measured {

struct CpuidResult {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// What PVALIDATE says (AMD APM vol. 3, PVALIDATE).
struct PvalidateResult {
  static constexpr uint32_t kSuccess = 0;
  static constexpr uint32_t kSizeMismatch = 6;

  uint32_t status = kSuccess;  // EAX
  bool unchanged = false;      // CF: the page was in this state already
};

// General registers of TDCALL, in and out. Its assembly knows the order.
struct TdcallRegisters {
  uint64_t rax = 0, rcx = 0, rdx = 0, rbx = 0, rsi = 0, rdi = 0;
  uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
};

// Single instructions that only a guest can execute. All decisions are made above this interface,
// and tests stand in for it.
class Cpu {
 public:
  // `width` is 1, 2 or 4 bytes.
  virtual uint32_t In(uint16_t port, unsigned width) = 0;
  virtual void Out(uint16_t port, unsigned width, uint32_t value) = 0;
  virtual CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) = 0;
  virtual uint64_t ReadMsr(uint32_t msr) = 0;
  virtual void WriteMsr(uint32_t msr, uint64_t value) = 0;
  virtual void Vmgexit() = 0;
  // `address` is a virtual one, aligned to the size.
  virtual PvalidateResult Pvalidate(uint64_t address, bool large, bool validate) = 0;
  // Reads the first and the last byte of a page: what Linux does after validation for processors
  // without cache coherence between keys (arch/x86/include/asm/sev.h, sev_evict_cache).
  virtual void EvictPage(uint64_t address) = 0;
  virtual void Tdcall(TdcallRegisters& registers) = 0;
  // After a change of page tables.
  virtual void FlushTlb() = 0;
  // Lets the SHA instructions work, or clears what they left and forbids them again.
  virtual void AllowSse(bool on) = 0;
  // Lets the other processors of a TD go on to the mailbox.
  virtual void OpenApGate() = 0;
  // Returns in tests alone.
  virtual void Halt() = 0;

 protected:
  ~Cpu() = default;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_CPU_H_
