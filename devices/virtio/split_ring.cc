// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/split_ring.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <bit>

#include "devices/virtio/ring_checks.h"
#include "devices/virtio/virtio_ids.h"

namespace sealvm {
namespace {

// The available and the used ring begin alike: flags, index, elements; an event index ends them
// (Virtual I/O Device 1.3 sections 2.7.6 and 2.7.8).
constexpr uint64_t kIndexOffset = 2;
constexpr uint64_t kElementsOffset = 4;
constexpr uint64_t kAvailableElementBytes = 2;
constexpr uint64_t kUsedElementBytes = 8;
constexpr uint64_t kEventBytes = 2;

// VIRTQ_AVAIL_F_NO_INTERRUPT and VIRTQ_USED_F_NO_NOTIFY, the same sections.
constexpr uint16_t kNoInterrupt = 1;
constexpr uint16_t kNoNotify = 1;

constexpr uint64_t AvailableBytes(uint64_t size) {
  return kElementsOffset + kAvailableElementBytes * size + kEventBytes;
}
constexpr uint64_t UsedBytes(uint64_t size) {
  return kElementsOffset + kUsedElementBytes * size + kEventBytes;
}

struct UsedElement {
  uint32_t id;
  uint32_t length;
};
static_assert(sizeof(UsedElement) == kUsedElementBytes);

}  // namespace

// As it lies in memory, little-endian like the host.
struct SplitRing::Descriptor {
  uint64_t gpa;
  uint32_t length;
  uint16_t flags;
  uint16_t next;
};

struct SplitRing::Table {
  Gpa gpa;
  uint32_t entries;
};

SplitRing::SplitRing(uint64_t features, const QueueLayout& layout,
                     std::shared_ptr<SharedView> memory)
    : Virtqueue(layout, std::move(memory)),
      indirect_((features & kFeatureIndirect) != 0),
      event_idx_((features & kFeatureEventIdx) != 0) {}

Result<std::unique_ptr<Virtqueue>> SplitRing::Create(uint64_t features, const QueueLayout& layout,
                                                     std::shared_ptr<SharedView> memory) {
  static_assert(sizeof(Descriptor) == kDescriptorBytes);
  if (!std::has_single_bit(layout.size)) {
    return InvalidInput(
        fmt::format("a split virtqueue of {} entries, which is no power of two", layout.size));
  }
  SEALVM_TRY(CheckArea("descriptor table", layout.descriptor_area,
                       uint64_t{kDescriptorBytes} * layout.size, 16));
  SEALVM_TRY(CheckArea("available ring", layout.driver_area, AvailableBytes(layout.size), 2));
  SEALVM_TRY(CheckArea("used ring", layout.device_area, UsedBytes(layout.size), 4));
  return std::unique_ptr<Virtqueue>(new SplitRing(features, layout, std::move(memory)));
}

Result<bool> SplitRing::LookForMore() {
  if (next_available_ != seen_available_) return true;
  const uint16_t index = SEALVM_TRY(memory_->Load<uint16_t>(layout_.driver_area + kIndexOffset));
  const auto ahead = static_cast<uint16_t>(index - next_available_);
  if (ahead > size()) {
    return InvalidInput(
        fmt::format("the available index jumps by {} in a virtqueue of {} entries", ahead, size()));
  }
  seen_available_ = index;
  return ahead != 0;
}

Result<> SplitRing::PublishKickEvent() {
  kick_event_ = next_available_;
  SEALVM_TRY(memory_->Store<uint16_t>(
      layout_.device_area + kElementsOffset + kUsedElementBytes * size(), kick_event_));
  // The driver stores its index and then reads the event; here the event is stored and then the
  // index read. Only a full barrier on both sides lets at least one see the other's store.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return {};
}

Result<bool> SplitRing::Pop(DescriptorChain& chain) {
  may_unpop_ = false;
  bool more = SEALVM_TRY(LookForMore());
  if (!more && event_idx_ && kicks_wanted_ && kick_event_ != next_available_) {
    // The event that the driver was given has passed: without a new one there is no kick any more.
    SEALVM_TRY(PublishKickEvent());
    more = SEALVM_TRY(LookForMore());
  }
  if (!more) return false;
  if (in_flight_ == size()) {
    return InvalidInput("more requests are available than the virtqueue has entries");
  }
  const uint64_t slot = next_available_ & (size() - 1);
  const uint16_t head = SEALVM_TRY(memory_->Load<uint16_t>(layout_.driver_area + kElementsOffset +
                                                           kAvailableElementBytes * slot));
  SEALVM_TRY(Walk(head, chain));
  ++next_available_;
  ++in_flight_;
  may_unpop_ = true;
  return true;
}

Result<SplitRing::Table> SplitRing::OpenIndirect(const Descriptor& descriptor) const {
  const uint32_t entries =
      SEALVM_TRY(CheckIndirect(indirect_, descriptor.flags, {descriptor.gpa, descriptor.length}));
  return Table{descriptor.gpa, entries};
}

Result<> SplitRing::Walk(uint16_t head, DescriptorChain& chain) const {
  chain.Clear();
  chain.id = head;
  chain.ring_entries = 1;
  Table table = {layout_.descriptor_area, size()};
  bool in_indirect = false;
  uint32_t index = head;
  uint32_t seen = 0;
  while (true) {
    if (index >= table.entries) {
      return InvalidInput(
          fmt::format("descriptor {} in a table of {} entries", index, table.entries));
    }
    if (seen++ == table.entries) return InvalidInput("a descriptor chain that runs in a circle");
    Descriptor descriptor;
    SEALVM_TRY(memory_->Read(table.gpa + uint64_t{kDescriptorBytes} * index,
                             {reinterpret_cast<uint8_t*>(&descriptor), sizeof(descriptor)}));
    if ((descriptor.flags & kDescriptorIndirect) != 0) {
      if (in_indirect) return InvalidInput("an indirect table inside an indirect table");
      // Ends the chain; buffers may lie before it (section 2.7.5.3.2).
      table = SEALVM_TRY(OpenIndirect(descriptor));
      in_indirect = true;
      index = seen = 0;
      continue;
    }
    SEALVM_TRY(chain.Append({descriptor.gpa, descriptor.length},
                            (descriptor.flags & kDescriptorWrite) != 0));
    if ((descriptor.flags & kDescriptorNext) == 0) return {};
    index = descriptor.next;
  }
}

void SplitRing::Unpop() {
  if (!may_unpop_) return;
  may_unpop_ = false;
  --next_available_;
  --in_flight_;
}

Result<> SplitRing::Push(const DescriptorChain& chain, uint32_t written) {
  const uint64_t slot = next_used_ & (size() - 1);
  const UsedElement element = {chain.id, written};
  SEALVM_TRY(memory_->Write(layout_.device_area + kElementsOffset + kUsedElementBytes * slot,
                            {reinterpret_cast<const uint8_t*>(&element), sizeof(element)}));
  ++next_used_;
  --in_flight_;
  ++unannounced_;
  // The store releases the element and what the device wrote into the buffers.
  return memory_->Store<uint16_t>(layout_.device_area + kIndexOffset, next_used_);
}

Result<bool> SplitRing::TakeInterruptWanted() {
  if (unannounced_ == 0) return false;
  const uint32_t count = std::exchange(unannounced_, 0);
  // The used index, stored before, must be visible before the driver's wish is read: the driver
  // writes its wish and then looks at the index once more.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!event_idx_) {
    const uint16_t flags = SEALVM_TRY(memory_->Load<uint16_t>(layout_.driver_area));
    return (flags & kNoInterrupt) == 0;
  }
  const uint16_t event = SEALVM_TRY(memory_->Load<uint16_t>(layout_.driver_area + kElementsOffset +
                                                            kAvailableElementBytes * size()));
  // Whether the used index went past the event (appendix A, virtq_need_event).
  return static_cast<uint16_t>(next_used_ - event - 1) < count;
}

Result<bool> SplitRing::WantKicks(bool wanted) {
  kicks_wanted_ = wanted;
  if (event_idx_) {
    // An event that has passed silences the driver by itself.
    if (!wanted) return false;
    SEALVM_TRY(PublishKickEvent());
    return LookForMore();
  }
  SEALVM_TRY(memory_->Store<uint16_t>(layout_.device_area, wanted ? 0 : kNoNotify));
  if (!wanted) return false;
  // As in PublishKickEvent: the driver stores its index and then reads the flags.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return LookForMore();
}

}  // namespace sealvm
