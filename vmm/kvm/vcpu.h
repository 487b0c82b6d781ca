// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_VCPU_H_
#define SEALVM_VMM_KVM_VCPU_H_

#include <linux/kvm.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include <span>
#include <string>

#include "memory/base/mapping.h"
#include "memory/base/result.h"
#include "vmm/kvm/encryption.h"
#include "vmm/kvm/kernel.h"
#include "vmm/kvm/vcpu_exit.h"

namespace sealvm::kvm {

// One vCPU's fd and its shared kvm_run page: the vcpu ioctls of Documentation/virt/kvm/api.rst. One
// thread at a time, except RequestImmediateExit.
class Vcpu {
 public:
  static Result<Vcpu> Create(KernelFd fd, uint32_t id, size_t mmap_size);

  uint32_t id() const { return id_; }

  // KVM_RUN. Interrupted by a signal that the mask of SetSignalMask lets through, or by
  // RequestImmediateExit, it returns InterruptedExit. The spans in an exit point into the shared
  // page: fill an `in` access before the next Run.
  Result<VcpuExit> Run();

  // Hands the answer to the last exit over to KVM without entering the guest: what the guest waits
  // for has then happened. Nothing when KVM_RUN left for another reason all the same.
  Result<> CompleteExit();

  // Makes the current and every later Run return InterruptedExit; from any thread or signal
  // handler. A vCPU that is in the guest or halted needs a signal too.
  void RequestImmediateExit();

  // KVM_SET_SIGNAL_MASK: the signals blocked while in KVM_RUN.
  Result<> SetSignalMask(const sigset_t& blocked);

  // KVM_PRE_FAULT_MEMORY: maps the guest's memory at [gpa, gpa + size) bytes for KVM now, instead
  // of one fault at a time. Needs KVM_CAP_PRE_FAULT_MEMORY.
  Result<> PreFaultMemory(uint64_t gpa, uint64_t size);

  Result<> SetCpuid(std::span<const kvm_cpuid_entry2> entries);
  // KVM_SET_MSRS; an error names the first MSR that KVM did not take.
  Result<> SetMsrs(std::span<const kvm_msr_entry> msrs);
  Result<kvm_sregs> GetSregs() const;
  Result<> SetSregs(const kvm_sregs& sregs);
  Result<kvm_regs> GetRegs() const;
  Result<> SetRegs(const kvm_regs& regs);
  Result<> SetFpu(const kvm_fpu& fpu);
  // KVM_MEMORY_ENCRYPT_OP of TDX, for commands of a vCPU. `data` is an address or a value.
  TdxOutcome TdxCommand(uint32_t id, uint32_t flags, uint64_t data);

 private:
  Vcpu(KernelFd fd, uint32_t id, Mapping run);

  kvm_run& run() const { return *reinterpret_cast<kvm_run*>(run_.data()); }
  std::string Object() const;

  KernelFd fd_;
  uint32_t id_;
  Mapping run_;
};

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_VCPU_H_
