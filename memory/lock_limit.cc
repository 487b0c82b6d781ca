// SPDX-License-Identifier: Apache-2.0
#include "memory/lock_limit.h"

#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sealvm {
namespace {

bool MayLockWithoutLimit() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

}  // namespace

uint64_t ProcessMemoryLockLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kNoMemoryLockLimit;
  }
  return MayLockWithoutLimit() ? kNoMemoryLockLimit : limit.rlim_cur;
}

Result<> CheckMemoryLockLimit(uint64_t bytes, std::optional<uint64_t> limit) {
  const uint64_t allowed = limit ? *limit : ProcessMemoryLockLimit();
  if (bytes <= allowed) return {};
  constexpr uint64_t kKiB = 1024;
  if (limit) {
    return HostError(
        fmt::format("--memory: {} KiB of private memory are more than the {} KiB of "
                    "--memory-lock-limit",
                    bytes / kKiB, allowed / kKiB));
  }
  return HostError(
      fmt::format("--memory: private memory counts like locked memory, and {} KiB are more than "
                  "the {} KiB that RLIMIT_MEMLOCK allows",
                  bytes / kKiB, allowed / kKiB),
      "raise it with 'ulimit -l', or set --memory-lock-limit");
}

}  // namespace sealvm
