// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_TDX_MODEL_H_
#define SEALVM_TESTS_MODEL_TDX_MODEL_H_

#include <stdint.h>

#include <memory>
#include <vector>

#include "tests/model/vm_model.h"

namespace sealvm::model {

// KVM_MEMORY_ENCRYPT_OP of a TDX VM and of its vCPUs, and the TD in the module: Linux
// Documentation/virt/kvm/x86/intel-tdx.rst and arch/x86/kvm/vmx/tdx.c; Intel TDX Module 1.5 base
// architecture and ABI specifications.
class TdxModel {
 public:
  enum class State { kUninitialized, kInitialized, kRunnable };

  explicit TdxModel(VmModel& vm);
  ~TdxModel();

  // 0 or an errno; `command.hw_error` gets the module's status.
  int VmCommand(kvm_tdx_cmd& command);
  int VcpuCommand(VcpuModel& vcpu, kvm_tdx_cmd& command);
  int CheckNewVcpu() const;
  int CheckRun(const VcpuModel& vcpu) const;

  State state() const { return state_; }
  // What a report of the TD would say.
  Sha384 Mrtd() const;
  uint64_t attributes() const { return init_.attributes; }
  const kvm_tdx_init_vm& init() const { return init_; }
  // What INIT_VM asked for, and what the module shows the guest.
  const std::vector<kvm_cpuid_entry2>& asked_cpuid() const { return asked_cpuid_; }
  const std::vector<kvm_cpuid_entry2>& cpuid() const { return cpuid_; }
  // Content of a page that was added; empty when none was.
  std::vector<uint8_t> PageAt(uint64_t gpa) const;

  // The module is busy so many times more; KVM says EAGAIN, of FINALIZE_VM EBUSY.
  unsigned busy = 0;
  // KVM stops after so many pages of an INIT_MEM_REGION with EAGAIN. 0: never.
  uint64_t pages_per_call = 0;

 private:
  class Measurement;

  int Capabilities(const kvm_tdx_cmd& command) const;
  int InitVm(kvm_tdx_cmd& command);
  int InitVcpu(VcpuModel& vcpu, const kvm_tdx_cmd& command);
  int InitMemRegion(const VcpuModel& vcpu, const kvm_tdx_cmd& command);
  int AddPage(uint64_t gpa, const uint8_t* source, bool measure);
  int Finalize(kvm_tdx_cmd& command);
  int GetCpuid(const kvm_tdx_cmd& command) const;

  VmModel& vm_;
  State state_ = State::kUninitialized;
  kvm_tdx_init_vm init_ = {};
  std::vector<kvm_cpuid_entry2> asked_cpuid_;
  std::vector<kvm_cpuid_entry2> cpuid_;
  uint32_t tsc_khz_ = 0;
  uint64_t address_bits_ = 0;
  std::map<uint64_t, std::vector<uint8_t>> pages_;
  std::unique_ptr<Measurement> mrtd_;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_TDX_MODEL_H_
