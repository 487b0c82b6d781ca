// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_HOST_ACCESS_PROBE_H_
#define SEALVM_MEMORY_HOST_ACCESS_PROBE_H_

#include <stdint.h>

#include <string>

#include "memory/base/result.h"

namespace sealvm {

// What this process managed to do with a memory object's bytes, by the door it tried.
struct HostAccess {
  bool read_call = false;   // pread(2)
  bool write_call = false;  // pwrite(2)
  bool map_read = false;    // a load through mmap(2), shared or private
  bool map_write = false;   // a store through a shared mapping
  // How each door answered: "pread: ESPIPE, pwrite: ESPIPE, mmap: mapped, page not readable".
  std::string answers;

  bool any() const { return read_call || write_call || map_read || map_write; }
};

// Tries every door at the first, a middle and the last page of the object behind `fd`, which holds
// `size` bytes. Return codes of seals and flags prove nothing: on Linux 6.3 and later the seal
// number of the 2021 series succeeds and means something else. Touching a page may populate it; one
// byte of it may be overwritten with zero, so this is for objects without content. Errors are the
// probe's own.
Result<HostAccess> ProbeHostAccess(int fd, uint64_t size);

}  // namespace sealvm

#endif  // SEALVM_MEMORY_HOST_ACCESS_PROBE_H_
