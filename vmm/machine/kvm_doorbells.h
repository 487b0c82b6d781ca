// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_KVM_DOORBELLS_H_
#define SEALVM_VMM_MACHINE_KVM_DOORBELLS_H_

#include "devices/virtio/pci/doorbell.h"
#include "memory/base/logger.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// Doorbells by KVM's ioeventfds. `vm` outlives the object.
class KvmDoorbells : public DoorbellBinder {
 public:
  KvmDoorbells(kvm::Vm& vm, Logger logger) : vm_(vm), logger_(std::move(logger)) {}

  Result<> Bind(const Doorbell& doorbell, int event_fd) override {
    return vm_.BindIoEvent(ToIoEvent(doorbell, event_fd));
  }
  void Unbind(const Doorbell& doorbell, int event_fd) override {
    if (const Result<> result = vm_.UnbindIoEvent(ToIoEvent(doorbell, event_fd)); !result) {
      logger_.Log(LogLevel::kError, "{}", result.error().ToString());
    }
  }

 private:
  static kvm::Vm::IoEvent ToIoEvent(const Doorbell& doorbell, int event_fd) {
    return {.port = doorbell.space == PciSpace::kIo,
            .address = doorbell.address,
            .value = doorbell.value,
            .event_fd = event_fd};
  }

  kvm::Vm& vm_;
  const Logger logger_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_KVM_DOORBELLS_H_
