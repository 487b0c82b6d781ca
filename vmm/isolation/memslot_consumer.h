// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_MEMSLOT_CONSUMER_H_
#define SEALVM_VMM_ISOLATION_MEMSLOT_CONSUMER_H_

#include <memory>
#include <vector>

#include "memory/falloc_notifier.h"
#include "vmm/isolation/private_memory_kind.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// The memslots of one private memory object as consumers of its falloc notifier. KVM itself zaps
// what a hole takes away; where memory attributes decide what an access means (sw-protected, SNP,
// TDX), a page that was released is taken out of them, so that a guest that touches it again is
// heard of instead of being given a page unasked, and one that was allocated is put into them.
//
// Registering it makes the VM the object's owner.
class MemslotConsumer : public FallocConsumer {
 public:
  // `vm` outlives the consumer.
  MemslotConsumer(bool has_attributes, kvm::Vm& vm, std::vector<PrivateMemslot> memslots);

  std::string_view Name() const override { return "memslots"; }
  void OnAllocate(BackingRange range) override { SetPrivate(range, true); }
  void OnInvalidateStart(BackingRange range) override { SetPrivate(range, false); }
  void OnInvalidateEnd(BackingRange) override {}

 private:
  void SetPrivate(BackingRange range, bool is_private);

  const bool has_attributes_;
  kvm::Vm& vm_;
  const std::vector<PrivateMemslot> memslots_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_MEMSLOT_CONSUMER_H_
