// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_PRIVATE_MEMORY_H_
#define SEALVM_GUEST_FW_DIAG_PRIVATE_MEMORY_H_

#include <stdint.h>

#include <optional>
#include <string_view>

#include "guest-fw/diag/memory_check.h"
#include "guest-fw/diag/private_memory_check.h"
#include "guest-fw/diag/supervisor.h"

namespace sealvm::diag {

// Memory under its two names, as this guest finds it by trying. All in ring 3, once all memory is
// mapped.

enum class Privacy {
  kUnknown,    // no C-bit, or a mode in which the shared alias cannot be touched
  kShared,     // the same memory under both names
  kEncrypted,  // hardware encrypts
  kMixed,      // its beginning and its end differ
  kPrivate,    // each name has memory of its own
};

// Of a range of RAM, by its first and its last page.
Privacy PrivacyOf(const Startup& startup, const MemoryRange& range);
// The last of the list that any RAM has.
Privacy PrivacyOfRam(const Startup& startup);
std::string_view PrivacyName(Privacy privacy);

// RAM that this program does not use and that is not in the first MiB, which a guest with several
// vCPUs shares.
CheckPlan FreeRam(const Startup& startup);
AliasedRange AliasesOf(const PageSpan& span);

// Tests a free range at the bottom of RAM and one at its top, and prints how it went. True when all
// is well or there is nothing to test.
bool TestPrivateMemory(const Startup& startup);

}  // namespace sealvm::diag

#endif  // SEALVM_GUEST_FW_DIAG_PRIVATE_MEMORY_H_
