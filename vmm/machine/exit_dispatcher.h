// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_
#define SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_

#include <optional>
#include <string>

#include "devices/bus.h"
#include "vmm/api/machine.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vcpu_exit.h"
#include "vmm/machine/isolation_exits.h"

namespace sealvm {

// Carries out what a vCPU left the guest for. Any number of vCPU threads at once.
class ExitDispatcher {
 public:
  // All outlive the dispatcher. Without `isolation` its exits are errors; with it no register of
  // the guest is read any more.
  ExitDispatcher(Bus& pio, Bus& mmio, IsolationExits* isolation = nullptr)
      : pio_(pio), mmio_(mmio), isolation_(isolation) {}

  // A report means that the machine has to stop.
  std::optional<ExitReport> Dispatch(kvm::Vcpu& vcpu, const kvm::VcpuExit& exit);

 private:
  // Nothing for an exit that no isolation mode knows; else whether the guest goes on.
  std::optional<Result<>> HandleIsolation(kvm::Vcpu& vcpu, const kvm::VcpuExit& exit);
  std::string WhereItStopped(kvm::Vcpu& vcpu) const;
  ExitReport Describe(kvm::Vcpu& vcpu, const kvm::InternalErrorExit& exit) const;
  void HandleIo(const kvm::IoExit& io);
  void HandleMmio(const kvm::MmioExit& mmio);

  Bus& pio_;
  Bus& mmio_;
  IsolationExits* isolation_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_
