// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/hypercall.h"

#include <string.h>

#include <string_view>

#include "guest-fw/diag/supervisor.h"

namespace sealvm::diag {
namespace {

// Linux Documentation/virt/kvm/x86/cpuid.rst.
constexpr uint32_t kKvmLeaf = 0x4000'0000;
constexpr uint32_t kKvmFeatures = kKvmLeaf + 1;
constexpr uint32_t kFeatureMapGpaRange = 1 << 16;  // EAX
constexpr std::string_view kKvmSignature("KVMKVMKVM\0\0\0", 12);
constexpr uint32_t kCpuidHypervisor = 1u << 31;  // CPUID 1 ECX

constexpr std::string_view kVmmcallVendors[] = {"AuthenticAMD", "HygonGenuine"};

bool Spells(const uint32_t (&registers)[3], std::string_view text) {
  return memcmp(registers, text.data(), sizeof(registers)) == 0;
}

bool IsKvm() {
  if ((Cpuid(1).ecx & kCpuidHypervisor) == 0) {
    return false;
  }
  const CpuidResult r = Cpuid(kKvmLeaf);
  return Spells({r.ebx, r.ecx, r.edx}, kKvmSignature);
}

bool UsesVmmcall() {
  const CpuidResult r = Cpuid(0);
  for (const std::string_view vendor : kVmmcallVendors) {
    if (Spells({r.ebx, r.edx, r.ecx}, vendor)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Hypercalls::Hypercalls()
    : vmmcall_(UsesVmmcall()),
      convert_memory_(IsKvm() && (Cpuid(kKvmFeatures).eax & kFeatureMapGpaRange) != 0) {}

int64_t Hypercalls::Call(uint64_t number, const ConversionRequest& arguments) const {
  int64_t result = static_cast<int64_t>(number);
  if (vmmcall_) {
    asm volatile("vmmcall"
                 : "+a"(result)
                 : "b"(arguments.gpa), "c"(arguments.pages), "d"(arguments.attributes)
                 : "memory");
  } else {
    asm volatile("vmcall"
                 : "+a"(result)
                 : "b"(arguments.gpa), "c"(arguments.pages), "d"(arguments.attributes)
                 : "memory");
  }
  return result;
}

int64_t Hypercalls::Convert(const ConversionRequest& request) const {
  int64_t result = 0;
  InRing0([&] { result = Call(kHypercallMapGpaRange, request); });
  return result;
}

Converter Hypercalls::converter() {
  return {[](void* self, const ConversionRequest& request) {
            return static_cast<const Hypercalls*>(self)->Convert(request);
          },
          this};
}

}  // namespace sealvm::diag
