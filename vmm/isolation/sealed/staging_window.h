// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_STAGING_WINDOW_H_
#define SEALVM_VMM_ISOLATION_SEALED_STAGING_WINDOW_H_

#include <stdint.h>

#include <span>

#include "memory/base/mapping.h"
#include "memory/base/result.h"
#include "memory/guest_memory.h"
#include "vmm/boot/entry_state.h"
#include "vmm/boot/handover_tree.h"
#include "vmm/boot/placement.h"
#include "vmm/isolation/sealed/sealed_layout.h"

namespace sealvm {

// The memory from which the sealed loader fills a guest's private half, and through which the guest
// starts: loader, stack, page tables, hand-over tree, payloads. It lives until the loader is done.
class StagingWindow {
 public:
  struct Guest {
    // The guest as LoadGuest made it, in a scratch object of the VMM's. What is not zero in it
    // becomes part of the window, and the loader zeroes it.
    const GuestMemory& image;
    std::span<const LoadedRegion> regions;
    EntryState entry;
    uint32_t cpus = 1;
  };

  // Measures the payloads.
  static Result<StagingWindow> Create(const SealedLayout& layout, const Guest& guest);

  Gpa base() const { return handover_.window_base; }
  uint64_t size() const { return memory_.size(); }
  // For the memslot.
  uint64_t host_address() const { return reinterpret_cast<uint64_t>(memory_.data()); }
  const Handover& handover() const { return handover_; }
  // The hand-over tree as it lies in the window.
  std::span<const uint8_t> tree() const { return tree_; }

  // How the boot vCPU enters the loader.
  const EntryState& entry() const { return entry_; }

 private:
  StagingWindow() = default;

  Mapping memory_;
  Handover handover_;
  std::span<const uint8_t> tree_;
  EntryState entry_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_STAGING_WINDOW_H_
