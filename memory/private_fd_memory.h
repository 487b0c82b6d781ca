// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_PRIVATE_FD_MEMORY_H_
#define SEALVM_MEMORY_PRIVATE_FD_MEMORY_H_

#include <memory>

#include "memory/base/fd.h"
#include "memory/fd_memory.h"
#include "memory/private_memory.h"

namespace sealvm {

// The last step of every provider of private memory: `fd` becomes a memory object only if the host
// proves to have no access to its `size` bytes, else kRefused with the door that was open.
// Allocates all pages if the policy says so. `traits.host_access` is ignored.
Result<std::shared_ptr<PrivateMemory>> MakePrivateFdMemory(Fd fd, uint64_t size,
                                                           const FdMemory::Traits& traits,
                                                           const MemoryPolicy& policy);

}  // namespace sealvm

#endif  // SEALVM_MEMORY_PRIVATE_FD_MEMORY_H_
