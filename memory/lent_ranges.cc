// SPDX-License-Identifier: Apache-2.0
#include "memory/lent_ranges.h"

#include <algorithm>
#include <utility>

namespace sealvm {

LentRanges::Ticket& LentRanges::Ticket::operator=(Ticket&& other) noexcept {
  if (this != &other) {
    Return();
    owner_ = std::move(other.owner_);
    entry_ = other.entry_;
  }
  return *this;
}

void LentRanges::Ticket::Return() {
  const std::shared_ptr<LentRanges> owner = std::move(owner_);
  if (!owner) return;
  const MutexLock lock(owner->mutex_);
  owner->lent_.erase(entry_);
  owner->returned_.NotifyAll();
}

LentRanges::Ticket LentRanges::Lend(std::vector<BackingRange> ranges) {
  Ticket ticket;
  ticket.owner_ = shared_from_this();
  const MutexLock lock(mutex_);
  ticket.entry_ = lent_.insert(lent_.end(), std::move(ranges));
  return ticket;
}

bool LentRanges::Overlaps(BackingRange range) const {
  const MutexLock lock(mutex_);
  return OverlapsLocked(range);
}

void LentRanges::WaitUntilReturned(BackingRange range) const {
  const MutexLock lock(mutex_);
  while (OverlapsLocked(range)) returned_.Wait(mutex_);
}

bool LentRanges::OverlapsLocked(BackingRange range) const {
  for (const std::vector<BackingRange>& ranges : lent_) {
    if (std::ranges::any_of(ranges, [&](BackingRange lent) { return lent.Overlaps(range); })) {
      return true;
    }
  }
  return false;
}

}  // namespace sealvm
