// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/cpuid_page.h"

#include <string.h>

#include "guest-fw/measured/layout.h"

namespace sealvm::measured {
namespace {

// u32 count, u32 and u64 reserved; then functions: u32 EAX and ECX in, u64 XCR0 and XSS in, u32
// EAX, EBX, ECX, EDX out, u64 reserved.
constexpr uint32_t kHeaderSize = 16;
constexpr uint32_t kFunctionSize = 48;
constexpr uint32_t kMaxFunctions = 64;
constexpr uint32_t kXcr0 = 8;
constexpr uint32_t kOut = 24;
constexpr uint32_t kReserved = 40;

constexpr uint32_t kEncryptionLeaf = 0x8000001f;
constexpr uint32_t kCBitMask = 0x3f;  // EBX
// Leaf 0xd has an answer for each XCR0 and XSS (AMD APM vol. 3 appendix E.3.8).
constexpr uint32_t kExtendedStateLeaf = 0xd;

uint32_t Function(uint32_t index) { return kHeaderSize + index * kFunctionSize; }

}  // namespace

uint32_t CpuidPage::Word(uint32_t offset) const {
  uint32_t word;
  memcpy(&word, page_ + offset, sizeof(word));
  return word;
}

Failure CpuidPage::Check() const {
  if (count() == 0 || count() > kMaxFunctions) return Failure::kCpuidPage;
  if ((Word(4) | Word(8) | Word(12)) != 0) return Failure::kCpuidPage;
  for (uint32_t i = 0; i < count(); ++i) {
    const uint32_t at = Function(i);
    if ((Word(at + kReserved) | Word(at + kReserved + 4)) != 0) return Failure::kCpuidPage;
    for (uint32_t j = 0; j < i; ++j) {
      const bool same_function = memcmp(page_ + at, page_ + Function(j), kXcr0) == 0;
      const bool same_state =
          memcmp(page_ + at + kXcr0, page_ + Function(j) + kXcr0, kOut - kXcr0) == 0;
      if (same_function && (same_state || Word(at) != kExtendedStateLeaf)) {
        return Failure::kCpuidPage;
      }
    }
  }
  return (Find(kEncryptionLeaf, 0).ebx & kCBitMask) == SNP_C_BIT ? Failure::kNone
                                                                 : Failure::kCpuidPage;
}

CpuidResult CpuidPage::Find(uint32_t leaf, uint32_t subleaf) const {
  for (uint32_t i = 0; i < count(); ++i) {
    const uint32_t at = Function(i);
    if (Word(at) != leaf || Word(at + 4) != subleaf) continue;
    return {.eax = Word(at + kOut),
            .ebx = Word(at + kOut + 4),
            .ecx = Word(at + kOut + 8),
            .edx = Word(at + kOut + 12)};
  }
  return {};
}

}  // namespace sealvm::measured
