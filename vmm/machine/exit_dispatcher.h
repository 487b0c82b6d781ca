// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_
#define SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_

#include <optional>

#include "devices/bus.h"
#include "vmm/api/machine.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vcpu_exit.h"

namespace sealvm {

// Carries out what a vCPU left the guest for. Any number of vCPU threads at once.
// What an isolation mode answers itself. Called on the vCPU's thread.
class IsolationExits {
 public:
  virtual ~IsolationExits() = default;
  virtual void OnHypercall(const kvm::HypercallExit& exit) = 0;
  virtual void OnMsr(const kvm::MsrExit& exit) = 0;
};

class ExitDispatcher {
 public:
  // All outlive the dispatcher. Without `isolation` its exits are errors.
  ExitDispatcher(Bus& pio, Bus& mmio, IsolationExits* isolation = nullptr)
      : pio_(pio), mmio_(mmio), isolation_(isolation) {}

  // A report means that the machine has to stop.
  std::optional<ExitReport> Dispatch(kvm::Vcpu& vcpu, const kvm::VcpuExit& exit);

 private:
  bool HandleIsolation(const kvm::VcpuExit& exit);
  void HandleIo(const kvm::IoExit& io);
  void HandleMmio(const kvm::MmioExit& mmio);

  Bus& pio_;
  Bus& mmio_;
  IsolationExits* isolation_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_
