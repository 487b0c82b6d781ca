// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/diag/alias_probe.h"

namespace sealvm::diag {
namespace {

// With real encryption the two aliases of a line may be cached apart (AMD64 APM vol. 2 section
// 7.10.6).
void Flush(uintptr_t address) {
  asm volatile("mfence; clflush (%0); mfence" ::"r"(address) : "memory");
}

uint64_t Read(uintptr_t address) {
  Flush(address);
  return *reinterpret_cast<const volatile uint64_t*>(address);
}

void Write(uintptr_t address, uint64_t value) {
  *reinterpret_cast<volatile uint64_t*>(address) = value;
  Flush(address);
}

}  // namespace

AliasKind ProbeAlias(uintptr_t private_word, uintptr_t shared_word) {
  const uint64_t original = Read(private_word);
  const uint64_t before = Read(shared_word);
  // Differs from both, so that no outcome can be taken for another.
  const uint64_t probe = ~before != original ? ~before : ~before ^ 1;
  Write(private_word, probe);
  const uint64_t after = Read(shared_word);
  Write(private_word, original);
  if (after == probe) {
    return AliasKind::kSame;
  }
  return after == before ? AliasKind::kSeparate : AliasKind::kScrambled;
}

}  // namespace sealvm::diag
