// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_PRIVATE_MEMORY_H_
#define SEALVM_MEMORY_PRIVATE_MEMORY_H_

#include <stdint.h>

#include <memory>
#include <string_view>

#include "memory/backing_range.h"
#include "memory/base/result.h"
#include "memory/falloc_notifier.h"

namespace sealvm {

// Page size of the backing. kDefault leaves it to the kernel (transparent huge pages as
// configured).
enum class HugePages { kDefault, k2M, k1G };

struct MemoryPolicy {
  HugePages huge_pages = HugePages::kDefault;
  // Allocate every page at creation: slower start, no fault later, ENOMEM at once.
  bool prefault = false;
};

// One guest's memory object: a file descriptor and what may be done with it. A provider creates it;
// it lives until the last user lets go. Allocation and release are by file range, so that the
// owner of an fd can give memory back while the guest runs. Thread-safe.
class PrivateMemory {
 public:
  virtual ~PrivateMemory() = default;

  // The provider's name as --stats and logs show it.
  virtual std::string_view ProviderName() const = 0;
  // Bytes; fixed for life.
  virtual uint64_t size() const = 0;
  // Lends the fd, for mmap or for a memslot.
  virtual int fd() const = 0;
  // Whether this process can read the memory: proved by trying, never inferred from a return code.
  virtual bool can_host_access() const = 0;

  // Populates the range (fallocate). ENOSPC and ENOMEM mean that the host has no memory for it.
  virtual Result<> Allocate(BackingRange range) = 0;
  // Frees the range's pages (punch hole); it reads as zeroes afterwards.
  virtual Result<> Release(BackingRange range) = 0;
  // Bytes populated now, as the host counts them.
  virtual Result<uint64_t> AllocatedBytes() const = 0;

  // Who hears of Allocate and Release.
  virtual FallocNotifier& notifier() = 0;
};

// Creates memory objects of one kind.
class PrivateMemoryProvider {
 public:
  virtual ~PrivateMemoryProvider() = default;
  virtual std::string_view Name() const = 0;
  virtual Result<std::shared_ptr<PrivateMemory>> Create(uint64_t size,
                                                        const MemoryPolicy& policy) = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_PRIVATE_MEMORY_H_
