// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_HYPERCALL_H_
#define SEALVM_GUEST_FW_DIAG_HYPERCALL_H_

#include <stdint.h>

#include "guest-fw/diag/conversion.h"

namespace sealvm::diag {

// Hypercalls to KVM (Linux Documentation/virt/kvm/x86/hypercalls.rst), by the instruction of the
// processor's vendor: on the other's it is an invalid opcode.
class Hypercalls {
 public:
  // Reads CPUID. Callable from both rings.
  Hypercalls();

  // KVM announces KVM_HC_MAP_GPA_RANGE. No hypercall is made when it does not: it could be an
  // invalid opcode.
  bool convert_memory() const { return convert_memory_; }

  // In the caller's ring; KVM permits ring 0 alone.
  int64_t Call(uint64_t number, const ConversionRequest& arguments) const;
  // In ring 0.
  int64_t Convert(const ConversionRequest& request) const;
  // Convert, for those who know nothing of this class, which outlives it.
  Converter converter();

 private:
  bool vmmcall_ = false;
  bool convert_memory_ = false;
};

inline constexpr uint64_t kHypercallMapGpaRange = 12;

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_HYPERCALL_H_
