// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_MEMFD_PROVIDER_H_
#define SEALVM_MEMORY_MEMFD_PROVIDER_H_

#include <memory>

#include "memory/private_memory.h"

namespace sealvm {

// Ordinary guest memory for `--isolation none`: a memfd whose size is fixed by F_SEAL_SHRINK,
// F_SEAL_GROW and F_SEAL_SEAL (memfd_create(2), fcntl(2)), so that no holder of the fd can make an
// access of another raise SIGBUS. The host can read it.
class MemfdProvider : public PrivateMemoryProvider {
 public:
  std::string_view Name() const override { return "memfd"; }

  // `size` in bytes: a multiple of the page size that the policy asks for (kInvalidInput
  // otherwise). Without enough huge pages on the host the error says how to get them.
  Result<std::shared_ptr<PrivateMemory>> Create(uint64_t size, const MemoryPolicy& policy) override;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_MEMFD_PROVIDER_H_
