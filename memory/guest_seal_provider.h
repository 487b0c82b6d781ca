// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_GUEST_SEAL_PROVIDER_H_
#define SEALVM_MEMORY_GUEST_SEAL_PROVIDER_H_

#include "memory/guest_seal.h"
#include "memory/private_memory.h"

namespace sealvm {

// Private memory from a memfd with the guest seal. KVM takes the fd for a memslot on kernels that
// have the seeds' interface.
class GuestSealProvider : public PrivateMemoryProvider {
 public:
  explicit GuestSealProvider(const GuestSeal& seal) : seal_(seal) {}

  std::string_view Name() const override { return "seal"; }
  // kRefused when the host can read or write the memory after all.
  Result<std::shared_ptr<PrivateMemory>> Create(uint64_t size, const MemoryPolicy& policy) override;

 private:
  GuestSeal seal_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_GUEST_SEAL_PROVIDER_H_
