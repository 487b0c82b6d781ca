// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/sealed/host_cpu.h"

#include <cpuid.h>
#include <string.h>

#include <array>

namespace sealvm {

// Intel SDM vol. 2A, CPUID: leaf 0 has the vendor's name in EBX, EDX, ECX; leaf 7 ECX bit 2 is
// UMIP.
HostCpu ReadHostCpu() {
  HostCpu cpu;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(0, &eax, &ebx, &ecx, &edx) == 0) return cpu;
  std::array<char, 12> vendor;
  memcpy(vendor.data(), &ebx, 4);
  memcpy(vendor.data() + 4, &edx, 4);
  memcpy(vendor.data() + 8, &ecx, 4);
  cpu.is_intel = memcmp(vendor.data(), "GenuineIntel", vendor.size()) == 0;
  cpu.has_umip = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ecx & 1u << 2) != 0;
  return cpu;
}

}  // namespace sealvm
