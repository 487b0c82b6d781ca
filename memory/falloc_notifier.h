// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_FALLOC_NOTIFIER_H_
#define SEALVM_MEMORY_FALLOC_NOTIFIER_H_

#include <stdint.h>

#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "memory/backing_range.h"
#include "memory/base/result.h"

namespace sealvm {

// Who wants to know when pages of a memory object come and go: memslots, DMA mappings, device
// views, dirty tracking, statistics. Called on the thread that allocates or releases, by a memory
// object for one change after another. Must not register or unregister, and must not allocate or
// release.
class FallocConsumer {
 public:
  virtual ~FallocConsumer() = default;
  // For errors and logs.
  virtual std::string_view Name() const = 0;

  // Pages of the range are there now.
  virtual void OnAllocate(BackingRange range) = 0;
  // The range's pages go away between these two: after OnInvalidateStart the consumer neither uses
  // nor maps them anew, until OnInvalidateEnd. Always in pairs.
  virtual void OnInvalidateStart(BackingRange range) = 0;
  virtual void OnInvalidateEnd(BackingRange range) = 0;
};

// The virtual machine that a consumer speaks for; 0 for consumers that belong to none. Never reused
// while the process lives.
using VmIdentity = uint64_t;
VmIdentity NewVmIdentity();

// The chain of a memory object's consumers: the user space half of the seeds' memfd falloc notifier
// (2021 LKML series: multi-consumer, reference counted, ranges with start and end). Consumers share
// their ownership with the chain while they are called, so that none dies under a callback.
// Thread-safe.
class FallocNotifier {
 public:
  // Whether the memory may ever belong to more than one VM. With kOneVm the first VM that registers
  // is the owner for good: after it is gone no other VM gets its pages.
  enum class Sharing { kOneVm, kManyVms };

  explicit FallocNotifier(Sharing sharing);
  FallocNotifier(const FallocNotifier&) = delete;
  FallocNotifier& operator=(const FallocNotifier&) = delete;

 private:
  struct Entry;

 public:
  // Keeps a consumer in the chain; its end takes the consumer out and waits for calls under way, so
  // that afterwards there are none. Not to be destroyed inside a callback. May outlive the
  // notifier.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&&) noexcept = default;
    Registration& operator=(Registration&& other) noexcept;
    ~Registration() { Reset(); }
    void Reset();

   private:
    friend class FallocNotifier;
    explicit Registration(std::shared_ptr<Entry> entry) : entry_(std::move(entry)) {}
    std::shared_ptr<Entry> entry_;
  };

  // kRefused when `vm` is another than the owner (see Sharing).
  [[nodiscard]] Result<Registration> Register(std::shared_ptr<FallocConsumer> consumer,
                                              VmIdentity vm);

  void NotifyAllocated(BackingRange range);

  // Brackets the release of a range: start in the constructor, end in the destructor, for the same
  // consumers. One that registers in between hears of neither.
  class Invalidation {
   public:
    Invalidation(FallocNotifier& notifier, BackingRange range);
    Invalidation(const Invalidation&) = delete;
    Invalidation& operator=(const Invalidation&) = delete;
    ~Invalidation();

   private:
    const BackingRange range_;
    std::vector<std::shared_ptr<Entry>> entries_;
  };

  // Consumers now in the chain.
  size_t consumers() const;

 private:
  // The consumers to call, each held until Leave.
  std::vector<std::shared_ptr<Entry>> Enter();

  const Sharing sharing_;
  mutable std::mutex mutex_;
  VmIdentity owner_ = 0;
  std::vector<std::weak_ptr<Entry>> entries_;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_FALLOC_NOTIFIER_H_
