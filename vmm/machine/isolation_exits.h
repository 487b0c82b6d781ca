// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_ISOLATION_EXITS_H_
#define SEALVM_VMM_MACHINE_ISOLATION_EXITS_H_

#include "memory/base/result.h"
#include "vmm/kvm/vcpu_exit.h"

namespace sealvm {

// What an isolation mode answers itself. Called on vCPU threads, several at once.
class IsolationExits {
 public:
  virtual ~IsolationExits() = default;
  virtual void OnHypercall(const kvm::HypercallExit& exit) = 0;
  virtual void OnMsr(const kvm::MsrExit& exit) = 0;
  // After success the guest tries its access again; an error ends the machine.
  virtual Result<> OnMemoryFault(const kvm::MemoryFaultExit& exit) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_ISOLATION_EXITS_H_
