// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/td_cpuid.h"

#include <algorithm>

namespace sealvm::tdx {
namespace {

constexpr uint32_t kLeafAddressSizes = 0x80000008;
constexpr uint32_t kGuestAddressBits = 0xffu << 16;  // EAX

// With 4-level and with 5-level EPT; the shared bit is the highest of a GPA.
constexpr uint32_t kFourLevel = 48u << 16;
constexpr uint32_t kFiveLevel = 52u << 16;

bool SameLeaf(const kvm_cpuid_entry2& a, const kvm_cpuid_entry2& b) {
  return a.function == b.function && a.index == b.index;
}

}  // namespace

Result<std::vector<kvm_cpuid_entry2>> ChooseTdCpuid(
    std::span<const kvm_cpuid_entry2> wanted, std::span<const kvm_cpuid_entry2> configurable) {
  std::vector<kvm_cpuid_entry2> chosen;
  bool has_address_bits = false;
  for (const kvm_cpuid_entry2& mask : configurable) {
    const auto found = std::ranges::find_if(
        wanted, [&](const kvm_cpuid_entry2& entry) { return SameLeaf(entry, mask); });
    kvm_cpuid_entry2 entry = found == wanted.end() ? kvm_cpuid_entry2{} : *found;
    entry.function = mask.function;
    entry.index = mask.index;
    entry.flags = mask.flags;
    if (mask.function == kLeafAddressSizes) {
      const uint32_t bits = entry.eax & kGuestAddressBits;
      entry.eax = (entry.eax & ~kGuestAddressBits) | (bits == kFiveLevel ? kFiveLevel : kFourLevel);
      has_address_bits = (mask.eax & kGuestAddressBits) != 0;
    }
    entry.eax &= mask.eax;
    entry.ebx &= mask.ebx;
    entry.ecx &= mask.ecx;
    entry.edx &= mask.edx;
    chosen.push_back(entry);
  }
  if (!has_address_bits) {
    return HostError(
        "KVM_TDX_CAPABILITIES: the guest's address bits (CPUID 0x80000008) cannot be "
        "chosen",
        "this kernel's interface to TDX is another than Linux' since 6.16");
  }
  return chosen;
}

void AdoptModuleCpuid(std::vector<kvm_cpuid_entry2>& cpuid,
                      std::span<const kvm_cpuid_entry2> given) {
  for (const kvm_cpuid_entry2& entry : given) {
    const auto found = std::ranges::find_if(
        cpuid, [&](const kvm_cpuid_entry2& own) { return SameLeaf(own, entry); });
    if (found == cpuid.end()) {
      cpuid.push_back(entry);
    } else {
      *found = entry;
    }
  }
}

}  // namespace sealvm::tdx
