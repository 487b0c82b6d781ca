// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_HARDWARE_CPU_H_
#define SEALVM_GUEST_FW_MEASURED_HARDWARE_CPU_H_

#include "guest-fw/measured/cpu.h"

namespace sealvm::measured {

// The instructions.
class HardwareCpu final : public Cpu {
 public:
  uint32_t In(uint16_t port, unsigned width) override;
  void Out(uint16_t port, unsigned width, uint32_t value) override;
  CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) override;
  uint64_t ReadMsr(uint32_t msr) override;
  void WriteMsr(uint32_t msr, uint64_t value) override;
  void Vmgexit() override;
  PvalidateResult Pvalidate(uint64_t address, bool large, bool validate) override;
  void EvictPage(uint64_t address) override;
  void Tdcall(TdcallRegisters& registers) override;
  void FlushTlb() override;
  void AllowSse(bool on) override;
  void OpenApGate() override;
  [[noreturn]] void Halt() override;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_HARDWARE_CPU_H_
