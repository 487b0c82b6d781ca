// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/guest_cpuid.h"

#include <bit>

namespace sealvm {
namespace {

// Leaf numbers and fields: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E.
constexpr uint32_t kLeafFeatures = 0x1;
constexpr uint32_t kLeafCaches = 0x4;
constexpr uint32_t kLeafTopology = 0xb;
constexpr uint32_t kLeafTopologyV2 = 0x1f;
constexpr uint32_t kLeafAmdAddressSizes = 0x80000008;
constexpr uint32_t kLeafAmdCaches = 0x8000001d;
constexpr uint32_t kLeafAmdTopology = 0x8000001e;

constexpr uint32_t kFeatureX2Apic = 1u << 21;       // leaf 1 ECX
constexpr uint32_t kFeatureTscDeadline = 1u << 24;  // leaf 1 ECX
constexpr uint32_t kFeatureHypervisor = 1u << 31;   // leaf 1 ECX
constexpr uint32_t kFeatureHtt = 1u << 28;          // leaf 1 EDX

constexpr uint32_t kLevelSmt = 1;   // leaf 0xB ECX[15:8]
constexpr uint32_t kLevelCore = 2;  // leaf 0xB ECX[15:8]

// Bits of an APIC id that number the cores of the package.
uint32_t CoreIdBits(uint32_t cpus) { return static_cast<uint32_t>(std::bit_width(cpus - 1)); }

uint32_t ReplaceBits(uint32_t value, unsigned low, unsigned width, uint32_t field) {
  const uint32_t mask = ((1u << width) - 1) << low;
  return (value & ~mask) | ((field << low) & mask);
}

void FitFeatures(kvm_cpuid_entry2& entry, const CpuTopology& topology, uint32_t apic_id,
                 bool tsc_deadline) {
  entry.ebx = ReplaceBits(entry.ebx, 24, 8, apic_id);
  entry.ebx = ReplaceBits(entry.ebx, 16, 8, topology.cpus);
  entry.ecx |= kFeatureHypervisor | kFeatureX2Apic;
  if (tsc_deadline) entry.ecx |= kFeatureTscDeadline;
  entry.edx = topology.cpus > 1 ? entry.edx | kFeatureHtt : entry.edx & ~kFeatureHtt;
}

// Caches of level 3 are the package's, all others a core's own.
uint32_t FitCacheSharing(uint32_t eax, const CpuTopology& topology) {
  const uint32_t level = (eax >> 5) & 7;
  return ReplaceBits(eax, 14, 12, level >= 3 ? topology.cpus - 1 : 0);
}

void FitCaches(kvm_cpuid_entry2& entry, const CpuTopology& topology) {
  entry.eax = FitCacheSharing(entry.eax, topology);
  if ((entry.eax & 0x1f) != 0) entry.eax = ReplaceBits(entry.eax, 26, 6, topology.cpus - 1);
}

void AddTopologyLevels(std::vector<kvm_cpuid_entry2>& entries, uint32_t leaf,
                       const CpuTopology& topology, uint32_t apic_id) {
  const auto add = [&](uint32_t index, uint32_t shift, uint32_t count, uint32_t type) {
    kvm_cpuid_entry2 entry = {};
    entry.function = leaf;
    entry.index = index;
    entry.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
    entry.eax = shift;
    entry.ebx = count;
    entry.ecx = (type << 8) | index;
    entry.edx = apic_id;
    entries.push_back(entry);
  };
  add(0, 0, 1, kLevelSmt);
  add(1, CoreIdBits(topology.cpus), topology.cpus, kLevelCore);
  add(2, 0, 0, 0);
}

void FitAmdTopology(kvm_cpuid_entry2& entry, uint32_t apic_id) {
  entry.eax = apic_id;
  entry.ebx = ReplaceBits(entry.ebx, 0, 16, apic_id);  // core id; one thread per core
  entry.ecx = 0;                                       // one node per package
}

}  // namespace

std::vector<kvm_cpuid_entry2> MakeGuestCpuid(std::span<const kvm_cpuid_entry2> supported,
                                             const CpuTopology& topology, uint32_t apic_id,
                                             bool tsc_deadline) {
  std::vector<kvm_cpuid_entry2> entries;
  entries.reserve(supported.size() + 4);
  for (kvm_cpuid_entry2 entry : supported) {
    switch (entry.function) {
      case kLeafFeatures:
        FitFeatures(entry, topology, apic_id, tsc_deadline);
        break;
      case kLeafCaches:
        FitCaches(entry, topology);
        break;
      case kLeafTopology:
      case kLeafTopologyV2:
        if (entry.index == 0) AddTopologyLevels(entries, entry.function, topology, apic_id);
        continue;
      case kLeafAmdAddressSizes:
        entry.ecx = ReplaceBits(entry.ecx, 0, 8, topology.cpus - 1);
        entry.ecx = ReplaceBits(entry.ecx, 12, 4, CoreIdBits(topology.cpus));
        break;
      case kLeafAmdCaches:
        entry.eax = FitCacheSharing(entry.eax, topology);
        break;
      case kLeafAmdTopology:
        FitAmdTopology(entry, apic_id);
        break;
      default:
        break;
    }
    entries.push_back(entry);
  }
  return entries;
}

}  // namespace sealvm
