// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_MEMORY_CGROUP_H_
#define SEALVM_MEMORY_MEMORY_CGROUP_H_

#include <stdint.h>

#include <optional>
#include <string>

#include "memory/base/result.h"

namespace sealvm {

// The memory cgroup that pays for this process's memory, guest memory of every provider included
// (Linux Documentation/admin-guide/cgroup-v2.rst, "Memory").
struct MemoryCgroup {
  std::string path;  // below the hierarchy's root, "/" for the root
  // The smallest memory.max of the cgroup and those above it, in bytes, and whose it is; nothing
  // where there is no limit.
  std::optional<uint64_t> limit;
  std::string limiting_path;
};

// Nothing on a host without cgroup v2. `cgroup_file` is /proc/self/cgroup, `hierarchy` where the
// file system is mounted; tests have their own.
std::optional<MemoryCgroup> FindMemoryCgroup(const std::string& cgroup_file = "/proc/self/cgroup",
                                             const std::string& hierarchy = "/sys/fs/cgroup");

// Private memory cannot be swapped: a guest that has more of it than its cgroup may use is killed
// in the end, or already while it is filled. kHost then, before anything is allocated.
Result<> CheckMemoryCgroup(uint64_t bytes, const std::optional<MemoryCgroup>& cgroup);

}  // namespace sealvm

#endif  // SEALVM_MEMORY_MEMORY_CGROUP_H_
