// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_VMSA_MODEL_H_
#define SEALVM_TESTS_MODEL_VMSA_MODEL_H_

#include <stdint.h>

#include <vector>

#include "tests/model/vm_model.h"

namespace sealvm::model {

// The page that KVM makes of a vCPU's registers for VM types SEV-ES and SNP (Linux
// arch/x86/kvm/svm/sev.c, sev_es_sync_vmsa; AMD APM vol. 2, table B-4).
std::vector<uint8_t> MakeVmsa(const VcpuModel& vcpu, uint64_t sev_features);

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_VMSA_MODEL_H_
