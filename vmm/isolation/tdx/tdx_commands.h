// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_TDX_TDX_COMMANDS_H_
#define SEALVM_VMM_ISOLATION_TDX_TDX_COMMANDS_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <array>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vm.h"

namespace sealvm::tdx {

// What host and TDX module let a TD be (KVM_TDX_CAPABILITIES).
struct TdCapabilities {
  uint64_t attributes = 0;
  uint64_t xfam = 0;
  // By leaf and subleaf: the bits that a VMM may choose.
  std::vector<kvm_cpuid_entry2> cpuid;
};

// TD_PARAMS as far as KVM takes them (Intel TDX Module ABI, TDH.MNG.INIT).
struct TdParams {
  static constexpr size_t kRegisterSize = 48;
  using Register = std::array<uint8_t, kRegisterSize>;

  uint64_t attributes = 0;
  uint64_t xfam = 0;
  Register mr_config_id = {};
  Register mr_owner = {};
  Register mr_owner_config = {};
  std::vector<kvm_cpuid_entry2> cpuid;
};

// KVM's commands of TDX, each as one call (Linux Documentation/virt/kvm/x86/intel-tdx.rst). Errors
// are kHost and name the command and the module's status; EAGAIN is tried again for a bounded time.
// The order is the caller's business: KVM and the module enforce it.
//
// `vm` outlives the object. One thread at a time.
class TdxCommands {
 public:
  explicit TdxCommands(kvm::Vm& vm) : vm_(vm) {}

  Result<TdCapabilities> Capabilities();
  Result<> InitVm(const TdParams& params);
  // `rcx` is what the vCPU starts with in RCX and R8.
  Result<> InitVcpu(kvm::Vcpu& vcpu, uint64_t rcx);
  // What CPUID the module shows.
  Result<std::vector<kvm_cpuid_entry2>> Cpuid(kvm::Vcpu& vcpu);
  // Adds `size` bytes from `gpa` on, which are private already; measures them too where asked.
  // `source` has as many bytes, page aligned.
  Result<> InitMemoryRegion(kvm::Vcpu& vcpu, Gpa gpa, std::span<const uint8_t> source,
                            bool measure);
  Result<> Finalize();

 private:
  kvm::Vm& vm_;
};

}  // namespace sealvm::tdx

#endif  // SEALVM_VMM_ISOLATION_TDX_TDX_COMMANDS_H_
