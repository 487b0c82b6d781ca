// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_KVM_MSI_ROUTER_H_
#define SEALVM_VMM_MACHINE_KVM_MSI_ROUTER_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <mutex>
#include <vector>

#include "devices/pci/msi_vector.h"
#include "memory/base/logger.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// Message-signalled interrupts by KVM's irqfds: each vector has a GSI of its own above those of the
// interrupt controllers, and the routing says what message it stands for. Thread-safe; `vm`, with
// its in-kernel interrupt controllers, outlives the router, and the router its vectors.
class KvmMsiRouter : public MsiVectorFactory {
 public:
  // `controllers_in_kernel`: other interrupts go through controllers that KVM made, whose routes
  // stay.
  KvmMsiRouter(kvm::Vm& vm, Logger logger, bool controllers_in_kernel = true);

  // kHost when KVM has no GSI left.
  Result<std::unique_ptr<MsiVector>> Create() override;

 private:
  class Vector;
  // Makes the GSI's interrupts that message.
  Result<> Route(uint32_t gsi, const MsiMessage& message);

  kvm::Vm& vm_;
  const Logger logger_;
  std::mutex mutex_;
  std::vector<kvm_irq_routing_entry> routes_;
  uint32_t next_gsi_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_KVM_MSI_ROUTER_H_
