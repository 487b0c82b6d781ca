// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_INTERRUPT_LINES_H_
#define SEALVM_VMM_MACHINE_INTERRUPT_LINES_H_

#include <stdint.h>

#include <memory>
#include <utility>

#include "devices/interrupt_line.h"
#include "devices/io_apic.h"
#include "memory/base/logger.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/kvm_interrupt_line.h"

namespace sealvm {

// The inputs of a machine's interrupt controllers.
class InterruptLines {
 public:
  virtual ~InterruptLines() = default;
  // A line of one owner; the controllers outlive it.
  virtual std::unique_ptr<InterruptLine> NewLine(uint32_t gsi) = 0;
};

// Those in the kernel. `vm` outlives the lines.
class KvmInterruptLines : public InterruptLines {
 public:
  KvmInterruptLines(kvm::Vm& vm, Logger logger) : vm_(vm), logger_(std::move(logger)) {}
  std::unique_ptr<InterruptLine> NewLine(uint32_t gsi) override {
    return std::make_unique<KvmInterruptLine>(vm_, gsi, logger_);
  }

 private:
  kvm::Vm& vm_;
  const Logger logger_;
};

// An I/O APIC of this process: of a TD, for which the kernel has none.
class IoApicLines : public InterruptLines {
 public:
  explicit IoApicLines(std::shared_ptr<IoApic> controller) : controller_(std::move(controller)) {}
  std::unique_ptr<InterruptLine> NewLine(uint32_t gsi) override { return controller_->Line(gsi); }

 private:
  const std::shared_ptr<IoApic> controller_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_INTERRUPT_LINES_H_
