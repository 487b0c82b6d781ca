// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_FD_MEMORY_H_
#define SEALVM_MEMORY_FD_MEMORY_H_

#include <memory>
#include <mutex>
#include <string_view>

#include "memory/base/fd.h"
#include "memory/private_memory.h"

namespace sealvm {

// What the providers' memory objects have in common: a file whose pages come by fallocate and go by
// punching holes, with every consumer told. Thread-safe.
class FdMemory : public PrivateMemory {
 public:
  // What the kernel counts the object's pages by.
  enum class Count {
    kBlocks,     // st_blocks of fstat(2)
    kPageCache,  // cachestat(2), where st_blocks stays 0 (guest_memfd)
  };

  struct Traits {
    std::string_view provider;  // a string literal
    uint64_t page_size = 4096;  // bytes; what ranges are aligned to
    bool host_access = false;   // what the provider proved
    Count count = Count::kBlocks;
    FallocNotifier::Sharing sharing = FallocNotifier::Sharing::kOneVm;
  };

  static Result<std::shared_ptr<FdMemory>> Create(Fd fd, uint64_t size, const Traits& traits);

  std::string_view ProviderName() const override { return traits_.provider; }
  uint64_t size() const override { return size_; }
  int fd() const override { return fd_.get(); }
  bool can_host_access() const override { return traits_.host_access; }
  FallocNotifier& notifier() override { return notifier_; }

  Result<> Allocate(BackingRange range) override;
  Result<> Release(BackingRange range) override;
  Result<uint64_t> AllocatedBytes() const override;

 private:
  FdMemory(Fd fd, uint64_t size, const Traits& traits);
  Result<> CheckRange(BackingRange range) const;
  Result<> Fallocate(int mode, const char* call, BackingRange range) const;

  const Fd fd_;
  const uint64_t size_;
  const Traits traits_;
  FallocNotifier notifier_;
  // Held over a change and its notification: a consumer that hears of an allocation may rely on the
  // pages until it hears of their release.
  std::mutex mutex_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_FD_MEMORY_H_
