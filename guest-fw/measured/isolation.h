// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_ISOLATION_H_
#define SEALVM_GUEST_FW_MEASURED_ISOLATION_H_

#include <stdint.h>

#include "guest-fw/measured/cpu.h"
#include "guest-fw/measured/failure.h"
#include "guest-fw/measured/guest_memory.h"

namespace sealvm::measured {

enum class IsolationKind { kNone, kSnp, kTdx };

// What differs between guests with and without a hypervisor that has to be kept out: I/O, and which
// memory is whose. One object per boot; Start comes first, CloseWindow last.
class Isolation {
 public:
  // Makes I/O work, and [SHARED_BASE, SHARED_END) memory that host and guest share.
  virtual Failure Start() = 0;
  virtual Failure Out(uint16_t port, unsigned width, uint32_t value) = 0;
  virtual Failure In(uint16_t port, unsigned width, uint32_t* value) = 0;
  virtual CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) = 0;
  // Makes whole pages of RAM private memory of the guest; they were not touched before.
  virtual Failure Accept(const Range& range) = 0;
  // Takes the shared memory back; no I/O afterwards.
  virtual Failure CloseWindow() = 0;
  // Ends the guest, telling the hypervisor why. Returns in tests alone.
  virtual void Terminate(Failure failure) = 0;

 protected:
  ~Isolation() = default;
};

}  // namespace sealvm::measured

#endif  // SEALVM_GUEST_FW_MEASURED_ISOLATION_H_
