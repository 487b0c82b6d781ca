// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_LENT_RANGES_H_
#define SEALVM_MEMORY_LENT_RANGES_H_

#include <list>
#include <memory>
#include <vector>

#include "memory/backing_range.h"
#include "memory/base/mutex.h"

namespace sealvm {

// Which parts of a guest's memory the host's kernel reads or writes just now for devices.
// Thread-safe.
class LentRanges : public std::enable_shared_from_this<LentRanges> {
 private:
  using List = std::list<std::vector<BackingRange>>;

 public:
  // Keeps its ranges lent while it lives. Move-only; not thread-safe.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&&) noexcept = default;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { Return(); }
    void Return();

   private:
    friend class LentRanges;
    std::shared_ptr<LentRanges> owner_;
    List::iterator entry_;
  };

  // The object is owned by a shared_ptr.
  Ticket Lend(std::vector<BackingRange> ranges);
  bool Overlaps(BackingRange range) const;
  // Returns when nothing of `range` is lent. Whoever waits sees to it that no more of it is.
  void WaitUntilReturned(BackingRange range) const;

 private:
  bool OverlapsLocked(BackingRange range) const SEALVM_REQUIRES(mutex_);

  mutable Mutex mutex_;
  mutable CondVar returned_;
  List lent_ SEALVM_GUARDED_BY(mutex_);
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_LENT_RANGES_H_
