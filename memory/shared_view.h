// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_SHARED_VIEW_H_
#define SEALVM_MEMORY_SHARED_VIEW_H_

#include <stdint.h>

#include <atomic>
#include <memory>
#include <span>

#include "memory/falloc_notifier.h"
#include "memory/guest_memory.h"
#include "memory/page_conversions.h"

namespace sealvm {

// What device models see of a guest's memory: the ranges that it shares now. Everything else is an
// error of kind kInvalidInput, counted, and touches nothing. A consumer of the memory's falloc
// notifier: a release waits for accesses to its range, and until it is over there are none.
// Thread-safe.
class SharedView {
 public:
  // What `conversions` says is shared of `memory`, the shared half; without them all of it.
  static Result<std::shared_ptr<SharedView>> Create(std::shared_ptr<GuestMemory> memory,
                                                    std::shared_ptr<PageConversions> conversions);
  SharedView(const SharedView&) = delete;
  SharedView& operator=(const SharedView&) = delete;

  Result<> Read(Gpa gpa, std::span<uint8_t> out) const;
  Result<> Write(Gpa gpa, std::span<const uint8_t> bytes);

  // Accesses refused since creation.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  class LeavingRanges;

  SharedView(std::shared_ptr<GuestMemory> memory, std::shared_ptr<PageConversions> conversions,
             std::shared_ptr<LeavingRanges> leaving, FallocNotifier::Registration registration);
  Result<> Guarded(Gpa gpa, uint64_t length, const std::function<Result<>()>& use) const;

  const std::shared_ptr<GuestMemory> memory_;
  const std::shared_ptr<PageConversions> conversions_;
  const std::shared_ptr<LeavingRanges> leaving_;
  const FallocNotifier::Registration registration_;
  mutable std::atomic<uint64_t> refused_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_SHARED_VIEW_H_
