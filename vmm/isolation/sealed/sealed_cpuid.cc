// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/sealed_cpuid.h"

#include <asm/kvm_para.h>

#include <algorithm>

namespace sealvm {
namespace {

// Leaves and bits: AMD APM vol. 3 appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst.
constexpr uint32_t kLeafStructuredFeatures = 0x7;
constexpr uint32_t kLeafHighestExtended = 0x80000000;
constexpr uint32_t kLeafAddressSizes = 0x80000008;
constexpr uint32_t kLeafMemoryEncryption = 0x8000001f;

constexpr uint32_t kFeatureUmip = 1u << 2;  // leaf 7 ECX
constexpr uint32_t kFeatureSev = 1u << 1;   // leaf 0x8000001f EAX
// Physical address bits that encryption takes, leaf 0x8000001f EBX[11:6].
constexpr uint32_t kOneBitReduction = 1u << 6;

// Features of KVM that are hypercalls, but for the conversions.
constexpr uint32_t kHypercallFeatures =
    1u << KVM_FEATURE_PV_UNHALT | 1u << KVM_FEATURE_PV_SEND_IPI | 1u << KVM_FEATURE_PV_SCHED_YIELD;
// The hypercall, and what makes Linux use it.
constexpr uint32_t kConversionHypercall = 1u << KVM_FEATURE_HC_MAP_GPA_RANGE;
constexpr uint32_t kMigrationControl = 1u << KVM_FEATURE_MIGRATION_CONTROL;

const kvm_cpuid_entry2* Find(std::span<const kvm_cpuid_entry2> cpuid, uint32_t leaf) {
  const auto found = std::ranges::find(cpuid, leaf, &kvm_cpuid_entry2::function);
  return found == cpuid.end() ? nullptr : &*found;
}

kvm_cpuid_entry2& FindOrAdd(std::vector<kvm_cpuid_entry2>& cpuid, uint32_t leaf) {
  const auto found = std::ranges::find(cpuid, leaf, &kvm_cpuid_entry2::function);
  if (found != cpuid.end()) return *found;
  kvm_cpuid_entry2 entry = {};
  entry.function = leaf;
  return cpuid.emplace_back(entry);
}

void FitKvmFeatures(uint32_t& features, const SealedFace& face) {
  if (!face.hypercalls) features &= ~kHypercallFeatures;
  features &= ~(kConversionHypercall | kMigrationControl);
  if (face.conversions) features |= kConversionHypercall;
  if (face.tell_conversions) features |= kMigrationControl;
}

}  // namespace

Result<PhysicalAddressBits> PhysicalAddressBitsOf(std::span<const kvm_cpuid_entry2> cpuid) {
  const kvm_cpuid_entry2* leaf = Find(cpuid, kLeafAddressSizes);
  if (leaf == nullptr) return HostError("KVM does not tell the width of physical addresses");
  return PhysicalAddressBits{.bits = leaf->eax & 0xff, .guest_bits = leaf->eax >> 16 & 0xff};
}

void ApplySealedFace(std::vector<kvm_cpuid_entry2>& cpuid, const SealedFace& face) {
  kvm_cpuid_entry2& encryption = FindOrAdd(cpuid, kLeafMemoryEncryption);
  encryption.eax = kFeatureSev;
  encryption.ebx = face.c_bit | kOneBitReduction;
  encryption.ecx = 0;
  encryption.edx = 0;
  kvm_cpuid_entry2& highest = FindOrAdd(cpuid, kLeafHighestExtended);
  highest.eax = std::max(highest.eax, kLeafMemoryEncryption);
  for (kvm_cpuid_entry2& entry : cpuid) {
    if (entry.function == KVM_CPUID_FEATURES) FitKvmFeatures(entry.eax, face);
    const bool is_features = entry.function == kLeafStructuredFeatures && entry.index == 0;
    if (is_features && !face.native_umip) entry.ecx &= ~kFeatureUmip;
  }
}

}  // namespace sealvm
