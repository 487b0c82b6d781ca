// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_GUEST_MEMFD_PROVIDER_H_
#define SEALVM_MEMORY_GUEST_MEMFD_PROVIDER_H_

#include <functional>

#include "memory/base/fd.h"
#include "memory/private_memory.h"

namespace sealvm {

// Private memory from KVM's guest_memfd: KVM_CREATE_GUEST_MEMFD without INIT_SHARED. The object
// belongs to the VM that made it; KVM binds it to that VM's memslots alone.
class GuestMemfdProvider : public PrivateMemoryProvider {
 public:
  // Makes a guest_memfd of so many bytes: the ioctl, which is vmm/kvm's business.
  using Creator = std::function<Result<Fd>(uint64_t size)>;

  explicit GuestMemfdProvider(Creator create) : create_(std::move(create)) {}

  std::string_view Name() const override { return "guest_memfd"; }
  // kRefused when the host can read or write the memory after all. Huge pages are kInvalidInput:
  // the kernel has none for guest_memfd.
  Result<std::shared_ptr<PrivateMemory>> Create(uint64_t size, const MemoryPolicy& policy) override;

 private:
  Creator create_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_GUEST_MEMFD_PROVIDER_H_
