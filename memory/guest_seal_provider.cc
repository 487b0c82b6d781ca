// SPDX-License-Identifier: Apache-2.0
#include "memory/guest_seal_provider.h"

#include <utility>

#include "memory/private_fd_memory.h"

namespace sealvm {

Result<std::shared_ptr<PrivateMemory>> GuestSealProvider::Create(uint64_t size,
                                                                 const MemoryPolicy& policy) {
  Fd fd = SEALVM_TRY(CreateGuestSealedMemfd(seal_, size));
  return MakePrivateFdMemory(std::move(fd), size, {.provider = "seal"}, policy);
}

}  // namespace sealvm
