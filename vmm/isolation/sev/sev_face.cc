// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sev/sev_face.h"

#include <algorithm>

namespace sealvm::sev {
namespace {

constexpr uint32_t kLeafSignature = 1;
constexpr uint32_t kLeafFeatures = 7;
constexpr uint32_t kLeafAddressSizes = 0x80000008;
constexpr uint32_t kLeafMaxExtended = 0x80000000;
constexpr uint32_t kLeafEncryption = 0x8000001f;

// Leaf 0x8000001F EAX.
constexpr uint32_t kSev = 1u << 1;
constexpr uint32_t kSevEs = 1u << 3;
constexpr uint32_t kSnp = 1u << 4;
// EBX 5:0 C-bit position, 11:6 address bits that are lost; the rest counts VMPLs, which KVM has one
// of.
constexpr uint32_t kAddressFields = 0xfff;

// What the firmware does not let an SNP guest's CPUID page have, because the hypervisor would have
// to make it up (QEMU target/i386/sev.c clears the same): TSC_DEADLINE; TSC_ADJUST; SPEC_CTRL,
// STIBP, FLUSH_L1D, ARCH_CAPABILITIES, CORE_CAPABILITIES, SSBD; VIRT_SSBD.
constexpr uint32_t kSnpLacksLeaf1Ecx = 1u << 24;
constexpr uint32_t kSnpLacksLeaf7Ebx = 1u << 1;
constexpr uint32_t kSnpLacksLeaf7Edx = 0x3fu << 26;
constexpr uint32_t kSnpLacksAddressSizesEbx = 1u << 25;

void ClearWhatSnpLacks(kvm_cpuid_entry2& entry) {
  if (entry.function == kLeafSignature) {
    entry.ecx &= ~kSnpLacksLeaf1Ecx;
  } else if (entry.function == kLeafFeatures && entry.index == 0) {
    entry.ebx &= ~kSnpLacksLeaf7Ebx;
    entry.edx &= ~kSnpLacksLeaf7Edx;
  } else if (entry.function == kLeafAddressSizes) {
    entry.ebx &= ~kSnpLacksAddressSizesEbx;
  }
}

uint32_t FeaturesOf(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSnp:
      return kSev | kSevEs | kSnp;
    case IsolationMode::kSevEs:
      return kSev | kSevEs;
    default:
      return kSev;
  }
}

kvm_cpuid_entry2& FindOrAdd(std::vector<kvm_cpuid_entry2>& cpuid, uint32_t function) {
  const auto found = std::ranges::find(cpuid, function, &kvm_cpuid_entry2::function);
  if (found != cpuid.end()) return *found;
  kvm_cpuid_entry2& entry = cpuid.emplace_back();
  entry.function = function;
  return entry;
}

}  // namespace

void ApplySevFace(std::vector<kvm_cpuid_entry2>& cpuid, IsolationMode mode,
                  std::optional<uint32_t> signature) {
  if (signature) FindOrAdd(cpuid, kLeafSignature).eax = *signature;
  kvm_cpuid_entry2& highest = FindOrAdd(cpuid, kLeafMaxExtended);
  highest.eax = std::max(highest.eax, kLeafEncryption);
  kvm_cpuid_entry2& entry = FindOrAdd(cpuid, kLeafEncryption);
  entry.eax = FeaturesOf(mode);
  entry.ebx &= kAddressFields;
  entry.ecx = entry.edx = 0;
  if (mode == IsolationMode::kSnp) std::ranges::for_each(cpuid, ClearWhatSnpLacks);
}

uint32_t SignatureOf(std::span<const kvm_cpuid_entry2> cpuid) {
  const auto found = std::ranges::find(cpuid, kLeafSignature, &kvm_cpuid_entry2::function);
  return found == cpuid.end() ? 0 : found->eax;
}

}  // namespace sealvm::sev
