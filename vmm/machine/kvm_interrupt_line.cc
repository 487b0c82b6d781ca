// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/kvm_interrupt_line.h"

namespace sealvm {

void KvmInterruptLine::SetLevel(bool asserted) {
  const std::lock_guard lock(mutex_);
  if (asserted == asserted_) return;
  asserted_ = asserted;
  if (Result<> result = vm_.SetIrqLine(gsi_, asserted); !result) {
    logger_.Log(LogLevel::kError, "lost interrupt: {}", result.error().ToString());
  }
}

}  // namespace sealvm
