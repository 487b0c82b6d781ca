// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SNP_CPUID_PAGE_H_
#define SEALVM_VMM_ISOLATION_SNP_CPUID_PAGE_H_

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <array>
#include <span>

#include "memory/base/result.h"
#include "memory/guest_layout.h"

namespace sealvm::snp {

// The page from which an SNP guest takes CPUID, after the firmware has checked it (AMD SEV-SNP
// Firmware ABI, section 8.17.2.6 and table "CPUID Page Format"): count, reserved, entries of 48
// bytes with EAX and ECX in, XCR0 and XSS in, EAX to EDX out.
inline constexpr size_t kMaxCpuidPageEntries = 64;
inline constexpr size_t kCpuidPageHeader = 16;
inline constexpr size_t kCpuidPageEntry = 48;

// Leaves of zeroes are left out: a guest finds zeroes for what is not on the page. kHost when there
// are more entries than the page holds.
Result<> BuildCpuidPage(std::span<const kvm_cpuid_entry2> cpuid,
                        std::span<uint8_t, kPageSize> page);

}  // namespace sealvm::snp

#endif  // SEALVM_VMM_ISOLATION_SNP_CPUID_PAGE_H_
