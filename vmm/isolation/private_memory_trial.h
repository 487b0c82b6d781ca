// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_PRIVATE_MEMORY_TRIAL_H_
#define SEALVM_VMM_ISOLATION_PRIVATE_MEMORY_TRIAL_H_

#include <span>
#include <vector>

#include "vmm/api/doctor.h"
#include "vmm/isolation/private_memory_kind.h"
#include "vmm/kvm/system.h"

namespace sealvm {

// Runs the private-memory probe guest (guest-fw/micro/private_probe_image.h) in this kind of
// memory, for some milliseconds. A host that does not have the kind, or where the guest fails, is a
// report; an error means that trying failed.
Result<PrivateMemoryReport> TryPrivateMemory(PrivateMemoryKind kind, const kvm::System& system);

// All kinds, the best first. A trial that itself failed is reported as a kind that does not work.
std::vector<PrivateMemoryReport> TryAllPrivateMemory(const kvm::System& system);

// The first of `kinds` in which the micro guest ran; kRefused, with a reason for each, where there
// is none.
Result<PrivateMemoryKind> SelectPrivateMemory(const kvm::System& system,
                                              std::span<const PrivateMemoryKind> kinds);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_PRIVATE_MEMORY_TRIAL_H_
