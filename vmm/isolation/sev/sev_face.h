// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEV_SEV_FACE_H_
#define SEALVM_VMM_ISOLATION_SEV_SEV_FACE_H_

#include <linux/kvm.h>
#include <stdint.h>

#include <optional>
#include <span>
#include <vector>

#include "vmm/api/config.h"

namespace sealvm::sev {

// What a guest's CPUID says of SEV, SEV-ES or SNP: leaf 0x8000001F (AMD APM vol. 3, appendix E),
// whose C-bit position and lost address bits stay as KVM reports the host's. `signature`, where
// given, becomes leaf 1 EAX: it is measured with SEV-ES and SNP, so that a digest does not depend
// on the host's model.
void ApplySevFace(std::vector<kvm_cpuid_entry2>& cpuid, IsolationMode mode,
                  std::optional<uint32_t> signature);

// CPUID(1).EAX of a table, which RDX of a vCPU at its start and the VMSA hold; 0 without the leaf.
uint32_t SignatureOf(std::span<const kvm_cpuid_entry2> cpuid);

}  // namespace sealvm::sev

#endif  // SEALVM_VMM_ISOLATION_SEV_SEV_FACE_H_
