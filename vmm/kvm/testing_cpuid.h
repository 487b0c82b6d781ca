// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_TESTING_CPUID_H_
#define SEALVM_VMM_KVM_TESTING_CPUID_H_

#include <linux/kvm.h>
#include <stdint.h>

namespace sealvm::kvm {

struct TestingRegisters {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// An entry without flags: of a leaf that has no subleaves, or as a kernel forgets them.
inline kvm_cpuid_entry2 TestingLeaf(uint32_t function, uint32_t index, TestingRegisters registers) {
  kvm_cpuid_entry2 entry = {};
  entry.function = function;
  entry.index = index;
  entry.eax = registers.eax;
  entry.ebx = registers.ebx;
  entry.ecx = registers.ecx;
  entry.edx = registers.edx;
  return entry;
}

inline kvm_cpuid_entry2 TestingSubleaf(uint32_t function, uint32_t index,
                                       TestingRegisters registers) {
  kvm_cpuid_entry2 entry = TestingLeaf(function, index, registers);
  entry.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
  return entry;
}

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_TESTING_CPUID_H_
