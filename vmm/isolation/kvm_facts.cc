// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/kvm_facts.h"

namespace sealvm {
namespace {

struct Capability {
  const char* name;
  int number;
};

#define SEALVM_CAPABILITY(name) \
  Capability { #name, name }

// Numbers and meanings: linux/kvm.h and Documentation/virt/kvm/api.rst; the last one is ours.
constexpr Capability kCapabilities[] = {
    SEALVM_CAPABILITY(KVM_CAP_USER_MEMORY),        SEALVM_CAPABILITY(KVM_CAP_USER_MEMORY2),
    SEALVM_CAPABILITY(KVM_CAP_NR_VCPUS),           SEALVM_CAPABILITY(KVM_CAP_MAX_VCPUS),
    SEALVM_CAPABILITY(KVM_CAP_NR_MEMSLOTS),        SEALVM_CAPABILITY(KVM_CAP_IMMEDIATE_EXIT),
    SEALVM_CAPABILITY(KVM_CAP_TSC_DEADLINE_TIMER), SEALVM_CAPABILITY(KVM_CAP_X2APIC_API),
    SEALVM_CAPABILITY(KVM_CAP_SPLIT_IRQCHIP),      SEALVM_CAPABILITY(KVM_CAP_IRQFD),
    SEALVM_CAPABILITY(KVM_CAP_IOEVENTFD),          SEALVM_CAPABILITY(KVM_CAP_SIGNAL_MSI),
    SEALVM_CAPABILITY(KVM_CAP_EXIT_HYPERCALL),     SEALVM_CAPABILITY(KVM_CAP_VM_TYPES),
    SEALVM_CAPABILITY(KVM_CAP_GUEST_MEMFD),        SEALVM_CAPABILITY(KVM_CAP_GUEST_MEMFD_FLAGS),
    SEALVM_CAPABILITY(KVM_CAP_MEMORY_ATTRIBUTES),  SEALVM_CAPABILITY(KVM_CAP_MEMORY_FAULT_INFO),
    SEALVM_CAPABILITY(KVM_CAP_PRE_FAULT_MEMORY),   {"KVM_CAP_SEALED_MEMFD", kvm::kCapSealedMemfd},
};

#undef SEALVM_CAPABILITY

}  // namespace

Result<KvmFacts> CollectKvmFacts(const kvm::System& system) {
  const kvm::Vm vm = SEALVM_TRY(system.CreateVm());
  KvmFacts facts = {.api_version = KVM_API_VERSION, .capabilities = {}};
  for (const Capability& capability : kCapabilities) {
    facts.capabilities[capability.name] = SEALVM_TRY(vm.CheckExtension(capability.number));
  }
  return facts;
}

}  // namespace sealvm
