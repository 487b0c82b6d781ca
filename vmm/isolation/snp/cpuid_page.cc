// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/snp/cpuid_page.h"

#include <fmt/format.h>

#include <algorithm>

#include "memory/base/endian.h"

namespace sealvm::snp {
namespace {

constexpr uint32_t kLeafExtendedState = 0xd;
// What XSAVE needs with XCR0 = 1 (x87 and SSE): the legacy area and the header. Guests work larger
// areas out from the other subleaves (Linux arch/x86/boot/compressed/sev.c, snp_cpuid_calc_xsave).
constexpr uint32_t kBaseXsaveSize = 0x240;

bool IsZero(const kvm_cpuid_entry2& entry) {
  return (entry.eax | entry.ebx | entry.ecx | entry.edx) == 0;
}

}  // namespace

Result<> BuildCpuidPage(std::span<const kvm_cpuid_entry2> cpuid,
                        std::span<uint8_t, kPageSize> page) {
  std::ranges::fill(page, 0);
  size_t count = 0;
  for (const kvm_cpuid_entry2& entry : cpuid) {
    if (IsZero(entry)) continue;
    if (count == kMaxCpuidPageEntries) {
      return HostError(
          fmt::format("the guest's CPUID has more than the {} leaves that an SNP "
                      "guest's CPUID page holds",
                      kMaxCpuidPageEntries));
    }
    const bool base_state = entry.function == kLeafExtendedState && entry.index <= 1;
    const bool has_index = (entry.flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) != 0;
    const std::span<uint8_t> out =
        page.subspan(kCpuidPageHeader + count * kCpuidPageEntry, kCpuidPageEntry);
    StoreLeAny(out.subspan(0, 4), uint32_t{entry.function});
    StoreLeAny(out.subspan(4, 4), has_index ? uint32_t{entry.index} : 0);
    StoreLeAny(out.subspan(8, 8), uint64_t{base_state});
    StoreLeAny(out.subspan(24, 4), uint32_t{entry.eax});
    StoreLeAny(out.subspan(28, 4), base_state ? kBaseXsaveSize : uint32_t{entry.ebx});
    StoreLeAny(out.subspan(32, 4), uint32_t{entry.ecx});
    StoreLeAny(out.subspan(36, 4), uint32_t{entry.edx});
    ++count;
  }
  StoreLeAny(page.subspan(0, 4), static_cast<uint32_t>(count));
  return {};
}

}  // namespace sealvm::snp
