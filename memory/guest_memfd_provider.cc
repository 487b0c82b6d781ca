// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_memfd_provider.h"

#include <utility>

#include "memory/private_fd_memory.h"

namespace sealvm {

Result<std::shared_ptr<PrivateMemory>> GuestMemfdProvider::Create(uint64_t size,
                                                                  const MemoryPolicy& policy) {
  Fd fd = SEALVM_TRY(create_(size));
  // Its st_blocks stays 0 (Linux virt/kvm/guest_memfd.c keeps no such count).
  return MakePrivateFdMemory(std::move(fd), size,
                             {.provider = "guest_memfd", .count = FdMemory::Count::kPageCache},
                             policy);
}

}  // namespace sealvm
