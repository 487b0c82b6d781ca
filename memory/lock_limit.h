// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_LOCK_LIMIT_H_
#define SEALVM_MEMORY_LOCK_LIMIT_H_

#include <stdint.h>

#include <optional>

#include "memory/base/result.h"

namespace sealvm {

inline constexpr uint64_t kNoMemoryLockLimit = UINT64_MAX;

// How many bytes this process may lock: RLIMIT_MEMLOCK as mlock(2) means it, which does not bind a
// process with CAP_IPC_LOCK.
uint64_t ProcessMemoryLockLimit();

// Private memory can be neither swapped nor moved, so it counts like locked memory, all of it from
// the start. The kernel does not count guest_memfd against RLIMIT_MEMLOCK; this does. `limit` in
// bytes, or the process's own. kHost when `bytes` are more.
Result<> CheckMemoryLockLimit(uint64_t bytes, std::optional<uint64_t> limit);

}  // namespace sealvm

#endif  // SEALVM_MEMORY_LOCK_LIMIT_H_
