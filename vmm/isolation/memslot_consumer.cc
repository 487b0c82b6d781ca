// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/memslot_consumer.h"

#include <algorithm>
#include <utility>

namespace sealvm {

MemslotConsumer::MemslotConsumer(bool has_attributes, kvm::Vm& vm,
                                 std::vector<PrivateMemslot> memslots)
    : has_attributes_(has_attributes), vm_(vm), memslots_(std::move(memslots)) {}

void MemslotConsumer::SetPrivate(BackingRange range, bool is_private) {
  if (!has_attributes_) return;
  for (const PrivateMemslot& memslot : memslots_) {
    const BackingRange shown = {memslot.offset, memslot.size};
    if (!shown.Overlaps(range)) continue;
    const uint64_t begin = std::max(shown.offset, range.offset);
    const uint64_t end = std::min(shown.end(), range.end());
    // Without the attribute the guest's access fails instead of succeeding: the safe side.
    const Result<> set =
        vm_.SetMemoryPrivate(memslot.gpa + (begin - memslot.offset), end - begin, is_private);
    if (!set) return;
  }
}

}  // namespace sealvm
