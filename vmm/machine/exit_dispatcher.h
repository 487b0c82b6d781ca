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
class ExitDispatcher {
 public:
  // The buses outlive the dispatcher.
  ExitDispatcher(Bus& pio, Bus& mmio) : pio_(pio), mmio_(mmio) {}

  // A report means that the machine has to stop.
  std::optional<ExitReport> Dispatch(kvm::Vcpu& vcpu, const kvm::VcpuExit& exit);

 private:
  void HandleIo(const kvm::IoExit& io);
  void HandleMmio(const kvm::MmioExit& mmio);

  Bus& pio_;
  Bus& mmio_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_EXIT_DISPATCHER_H_
