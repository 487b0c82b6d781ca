// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_ALIAS_PROBE_H_
#define SEALVM_GUEST_FW_DIAG_ALIAS_PROBE_H_

#include <stdint.h>

namespace sealvm::diag {

// What an address shows without the C-bit.
enum class AliasKind {
  kSeparate,   // memory of its own
  kSame,       // what it shows with the bit
  kScrambled,  // something else that follows it: hardware that encrypts
};

// Finds out for the word that is mapped at both addresses, and restores it. Nothing else may write
// it meanwhile.
AliasKind ProbeAlias(uintptr_t private_word, uintptr_t shared_word);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_ALIAS_PROBE_H_
