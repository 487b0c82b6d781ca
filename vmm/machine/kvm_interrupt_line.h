// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_KVM_INTERRUPT_LINE_H_
#define SEALVM_VMM_MACHINE_KVM_INTERRUPT_LINE_H_

#include <stdint.h>

#include <mutex>
#include <utility>

#include "devices/interrupt_line.h"
#include "memory/base/logger.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// An input of KVM's in-kernel IOAPIC (and PIC, below GSI 16). `vm` outlives the line.
class KvmInterruptLine : public InterruptLine {
 public:
  KvmInterruptLine(kvm::Vm& vm, uint32_t gsi, Logger logger)
      : vm_(vm), gsi_(gsi), logger_(std::move(logger)) {}

  void SetLevel(bool asserted) override;

 private:
  kvm::Vm& vm_;
  const uint32_t gsi_;
  const Logger logger_;
  std::mutex mutex_;
  bool asserted_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_KVM_INTERRUPT_LINE_H_
