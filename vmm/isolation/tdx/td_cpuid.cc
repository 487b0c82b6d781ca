// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/tdx/td_cpuid.h"

#include <asm/kvm_para.h>

#include <algorithm>

namespace sealvm::tdx {
namespace {

constexpr uint32_t kLeafExtendedState = 0xd;
constexpr uint32_t kLeafAddressSizes = 0x80000008;
constexpr uint32_t kGuestAddressBits = 0xffu << 16;  // EAX

// With 4-level and with 5-level EPT; the shared bit is the highest of a GPA.
constexpr uint32_t kFourLevel = 48u << 16;
constexpr uint32_t kFiveLevel = 52u << 16;

// The features that need neither KVM's MSRs, but the one of halt polling, nor memory that KVM
// reads: what QEMU leaves a TD (target/i386/kvm/tdx.c).
constexpr uint32_t kKvmFeatures =
    1u << KVM_FEATURE_NOP_IO_DELAY | 1u << KVM_FEATURE_PV_UNHALT | 1u << KVM_FEATURE_PV_TLB_FLUSH |
    1u << KVM_FEATURE_PV_SEND_IPI | 1u << KVM_FEATURE_POLL_CONTROL |
    1u << KVM_FEATURE_PV_SCHED_YIELD | 1u << KVM_FEATURE_MSI_EXT_DEST_ID;

uint64_t Wide(uint32_t low, uint32_t high) { return low | uint64_t{high} << 32; }

bool SameLeaf(const kvm_cpuid_entry2& a, const kvm_cpuid_entry2& b) {
  return a.function == b.function && a.index == b.index;
}

}  // namespace

void ApplyTdFace(std::vector<kvm_cpuid_entry2>& cpuid) {
  for (kvm_cpuid_entry2& entry : cpuid) {
    if (entry.function == KVM_CPUID_FEATURES) entry.eax &= kKvmFeatures;
  }
}

uint64_t XfamOf(std::span<const kvm_cpuid_entry2> cpuid) {
  uint64_t xfam = 0;
  for (const kvm_cpuid_entry2& entry : cpuid) {
    if (entry.function != kLeafExtendedState) continue;
    if (entry.index == 0) xfam |= Wide(entry.eax, entry.edx);  // XCR0
    if (entry.index == 1) xfam |= Wide(entry.ecx, entry.edx);  // IA32_XSS
  }
  return xfam;
}

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
    // KVM looks the leaf up by its index, and takes the first subleaf of an entry without this
    // flag; what it offers lacks the flag in Linux 6.16 to 6.19 at least.
    entry.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
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
