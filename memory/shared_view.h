// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_MEMORY_SHARED_VIEW_H_
#define SEALVM_MEMORY_SHARED_VIEW_H_

#include <stdint.h>

#include <atomic>
#include <memory>
#include <span>

#include "memory/guest_memory.h"
#include "memory/page_conversions.h"

namespace sealvm {

// What device models see of a guest's memory: the ranges that it shares now. Everything else is an
// error of kind kInvalidInput, counted, and touches nothing. Thread-safe.
class SharedView {
 public:
  // All of `memory` for a guest that shares everything.
  explicit SharedView(std::shared_ptr<GuestMemory> memory) : memory_(std::move(memory)) {}
  // What `conversions` says is shared; `memory` is the shared half.
  SharedView(std::shared_ptr<GuestMemory> memory, std::shared_ptr<PageConversions> conversions)
      : memory_(std::move(memory)), conversions_(std::move(conversions)) {}

  Result<> Read(Gpa gpa, std::span<uint8_t> out) const;
  Result<> Write(Gpa gpa, std::span<const uint8_t> bytes);

  // Accesses refused since creation.
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  Result<> Guarded(Gpa gpa, uint64_t length, const std::function<Result<>()>& use) const;

  const std::shared_ptr<GuestMemory> memory_;
  const std::shared_ptr<PageConversions> conversions_;
  mutable std::atomic<uint64_t> refused_ = 0;
};

}  // namespace sealvm

#endif  // SEALVM_MEMORY_SHARED_VIEW_H_
