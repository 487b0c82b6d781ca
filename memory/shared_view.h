// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_SHARED_VIEW_H_
#define SEALVM_MEMORY_SHARED_VIEW_H_

#include <stdint.h>
#include <sys/uio.h>

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <span>
#include <type_traits>
#include <vector>

#include "memory/falloc_notifier.h"
#include "memory/guest_buffer.h"
#include "memory/guest_memory.h"
#include "memory/lent_ranges.h"
#include "memory/page_conversions.h"

namespace sealvm {

// What device models see of a guest's memory: the ranges that it shares now. Everything else is an
// error of kind kInvalidInput, counted, and touches nothing. A consumer of the memory's falloc
// notifier: a release waits for accesses to its range, and until it is over there are none.
// Thread-safe.
class SharedView {
 public:
  // Guest memory lent to the host's kernel, for I/O without a copy. While it lives the guest cannot
  // take these pages back, and a release of them waits. Move-only; not thread-safe.
  class Lease {
   public:
    // For system calls alone: the guest changes what is there at any time.
    std::span<const iovec> iovecs() const { return iovecs_; }

   private:
    friend class SharedView;
    std::vector<iovec> iovecs_;
    LentRanges::Ticket ticket_;
  };

  // What `conversions` says is shared of `memory`, the shared half; without them all of it.
  static Result<std::shared_ptr<SharedView>> Create(std::shared_ptr<GuestMemory> memory,
                                                    std::shared_ptr<PageConversions> conversions);
  SharedView(const SharedView&) = delete;
  SharedView& operator=(const SharedView&) = delete;

  Result<> Read(Gpa gpa, std::span<uint8_t> out) const;
  Result<> Write(Gpa gpa, std::span<const uint8_t> bytes);

  // An unsigned number in one access; an address that is not aligned to its size is refused. What a
  // thread of the guest wrote before a number that Load sees is seen as well; what was written here
  // before Store is seen by who sees its number.
  template <typename T>
  Result<T> Load(Gpa gpa) const {
    static_assert(std::is_unsigned_v<T>);
    const Access access = SEALVM_TRY(EnterAligned(gpa, sizeof(T)));
    return __atomic_load_n(reinterpret_cast<const T*>(access.at), __ATOMIC_ACQUIRE);
  }
  template <typename T>
  Result<> Store(Gpa gpa, T value) {
    static_assert(std::is_unsigned_v<T>);
    const Access access = SEALVM_TRY(EnterAligned(gpa, sizeof(T)));
    __atomic_store_n(reinterpret_cast<T*>(access.at), value, __ATOMIC_RELEASE);
    return {};
  }

  // Whether all of `buffers` is shared just now.
  Result<> Check(std::span<const GuestBuffer> buffers) const;
  // Lends all of `buffers`, or nothing.
  Result<Lease> Borrow(std::span<const GuestBuffer> buffers);

  // The memory as a whole, for processes that do a device's work: they reach all of it.
  const GuestMemory& memory() const { return *memory_; }

  // Accesses refused since creation.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  class LeavingRanges;

  // Hold conversions and releases off while they live.
  struct Locks {
    std::shared_lock<std::shared_mutex> conversions;
    std::shared_lock<std::shared_mutex> releases;
  };
  struct Access {
    Locks locks;
    uint8_t* at = nullptr;
  };

  SharedView(std::shared_ptr<GuestMemory> memory, std::shared_ptr<PageConversions> conversions,
             std::shared_ptr<LentRanges> lent, std::shared_ptr<LeavingRanges> leaving,
             FallocNotifier::Registration registration);
  // Fills `ranges`, as many as there are buffers.
  Result<Locks> Lock(std::span<const GuestBuffer> buffers, std::span<BackingRange> ranges) const;
  Result<Locks> TryLock(std::span<const GuestBuffer> buffers, std::span<BackingRange> ranges) const;
  Result<Access> Enter(Gpa gpa, uint64_t length) const;
  Result<Access> EnterAligned(Gpa gpa, uint64_t length) const;

  const std::shared_ptr<GuestMemory> memory_;
  const std::shared_ptr<PageConversions> conversions_;
  const std::shared_ptr<LentRanges> lent_;
  const std::shared_ptr<LeavingRanges> leaving_;
  const FallocNotifier::Registration registration_;
  mutable std::atomic<uint64_t> refused_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_SHARED_VIEW_H_
