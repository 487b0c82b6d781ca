// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_KVM_FACTS_H_
#define SEALVM_VMM_ISOLATION_KVM_FACTS_H_

#include "memory/base/result.h"
#include "vmm/api/doctor.h"
#include "vmm/kvm/system.h"

namespace sealvm {

// Asks KVM for every capability that a mode or a fast path of sealvm depends on, on a VM of type 0.
Result<KvmFacts> CollectKvmFacts(const kvm::System& system);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_KVM_FACTS_H_
