// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_SEALED_EXITS_H_
#define SEALVM_VMM_MACHINE_SEALED_EXITS_H_

#include <stdint.h>

#include <atomic>
#include <functional>

#include "memory/base/logger.h"
#include "vmm/isolation/sealed/sealed_guest.h"
#include "vmm/machine/isolation_exits.h"

namespace sealvm {

// What a sealed guest leaves KVM for besides I/O: the end of its launch, page conversions, and the
// face of SEV. Thread-safe.
class SealedExits : public IsolationExits {
 public:
  // `guest` outlives the object. `stop` ends the machine with an error.
  SealedExits(SealedGuest& guest, Logger logger, std::function<void(Error)> stop);

  // A write to the loader's status port.
  void OnLoaderStatus(uint32_t status);

  void OnHypercall(const kvm::HypercallExit& exit) override;
  void OnMsr(const kvm::MsrExit& exit) override;
  Result<> OnMemoryFault(const kvm::MemoryFaultExit& exit) override;

 private:
  // KVM_HC_MAP_GPA_RANGE: what the guest finds in RAX.
  int64_t MapGpaRange(uint64_t gpa, uint64_t pages, uint64_t attributes);

  SealedGuest& guest_;
  const Logger logger_;
  const std::function<void(Error)> stop_;
  std::atomic<bool> refusal_logged_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_SEALED_EXITS_H_
