// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/packed_ring.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include "devices/virtio/ring_checks.h"
#include "devices/virtio/virtio_ids.h"

namespace sealvm {
namespace {

// Flags of descriptors besides those of split rings (Virtual I/O Device 1.3 section 2.8.1).
constexpr uint16_t kAvailable = 1 << 7;
constexpr uint16_t kUsed = 1 << 15;

// Offsets in a descriptor (section 2.8.13).
constexpr uint64_t kLengthOffset = 8;
constexpr uint64_t kFlagsOffset = 14;

// The event suppression areas (section 2.8.14): below, offset and wrap counter of an event; above,
// which events are wanted.
constexpr uint64_t kEventAreaBytes = 4;
constexpr uint32_t kEventOffsetMask = 0x7fff;
constexpr uint32_t kEventWrap = 0x8000;
constexpr unsigned kEventFlagsShift = 16;
constexpr uint32_t kEventFlagsMask = 3;
constexpr uint32_t kEventsEnabled = 0;
constexpr uint32_t kEventsDisabled = 1;
constexpr uint32_t kEventsAtDescriptor = 2;

// What of a used descriptor is written before its flags.
struct __attribute__((packed)) UsedHead {
  uint32_t length;
  uint16_t id;
};
static_assert(sizeof(UsedHead) == kFlagsOffset - kLengthOffset);

constexpr bool IsAvailable(uint16_t flags, bool wrap) {
  return ((flags & kAvailable) != 0) == wrap && ((flags & kUsed) != 0) != wrap;
}

}  // namespace

// As it lies in memory, little-endian like the host.
struct PackedRing::Descriptor {
  uint64_t gpa;
  uint32_t length;
  uint16_t id;
  uint16_t flags;
};

PackedRing::PackedRing(uint64_t features, const QueueLayout& layout,
                       std::shared_ptr<SharedView> memory)
    : Virtqueue(layout, std::move(memory)),
      indirect_((features & kFeatureIndirect) != 0),
      event_idx_((features & kFeatureEventIdx) != 0) {}

Result<std::unique_ptr<Virtqueue>> PackedRing::Create(uint64_t features, const QueueLayout& layout,
                                                      std::shared_ptr<SharedView> memory) {
  static_assert(sizeof(Descriptor) == kDescriptorBytes);
  SEALVM_TRY(CheckArea("descriptor ring", layout.descriptor_area,
                       uint64_t{kDescriptorBytes} * layout.size, 16));
  SEALVM_TRY(CheckArea("driver event suppression area", layout.driver_area, kEventAreaBytes, 4));
  SEALVM_TRY(CheckArea("device event suppression area", layout.device_area, kEventAreaBytes, 4));
  return std::unique_ptr<Virtqueue>(new PackedRing(features, layout, std::move(memory)));
}

PackedRing::Position PackedRing::Advance(Position position, uint32_t entries) const {
  const uint32_t index = position.index + entries;
  if (index < size()) return {static_cast<uint16_t>(index), position.wrap};
  return {static_cast<uint16_t>(index - size()), !position.wrap};
}

Gpa PackedRing::AddressOf(uint16_t index) const {
  return layout_.descriptor_area + uint64_t{kDescriptorBytes} * index;
}

Result<bool> PackedRing::LookForMore() const {
  const uint16_t flags =
      SEALVM_TRY(memory_->Load<uint16_t>(AddressOf(next_available_.index) + kFlagsOffset));
  return IsAvailable(flags, next_available_.wrap);
}

Result<> PackedRing::PublishKickWish() {
  uint32_t wish = kEventsDisabled << kEventFlagsShift;
  if (kicks_wanted_ && event_idx_) {
    kick_event_ = next_available_;
    wish = kEventsAtDescriptor << kEventFlagsShift | (kick_event_.wrap ? kEventWrap : 0) |
           kick_event_.index;
  } else if (kicks_wanted_) {
    wish = kEventsEnabled << kEventFlagsShift;
  }
  SEALVM_TRY(memory_->Store<uint32_t>(layout_.device_area, wish));
  // The driver makes descriptors available and then reads the wish; here the wish is stored and
  // then the ring read. Only a full barrier on both sides lets at least one see the other's store.
  if (kicks_wanted_) std::atomic_thread_fence(std::memory_order_seq_cst);
  return {};
}

Result<bool> PackedRing::Pop(DescriptorChain& chain) {
  may_unpop_ = 0;
  bool more = SEALVM_TRY(LookForMore());
  if (!more && event_idx_ && kicks_wanted_ && kick_event_ != next_available_) {
    // The event that the driver was given has passed: without a new one there is no kick any more.
    SEALVM_TRY(PublishKickWish());
    more = SEALVM_TRY(LookForMore());
  }
  if (!more) return false;
  SEALVM_TRY(Walk(chain));
  if (in_flight_ + chain.ring_entries > size()) {
    return InvalidInput("more descriptors are available than the virtqueue has entries");
  }
  next_available_ = Advance(next_available_, chain.ring_entries);
  in_flight_ += chain.ring_entries;
  may_unpop_ = chain.ring_entries;
  return true;
}

Result<PackedRing::Descriptor> PackedRing::ReadDescriptor(Gpa gpa) const {
  Descriptor descriptor;
  SEALVM_TRY(memory_->Read(gpa, {reinterpret_cast<uint8_t*>(&descriptor), sizeof(descriptor)}));
  return descriptor;
}

Result<> PackedRing::Walk(DescriptorChain& chain) const {
  chain.Clear();
  Position position = next_available_;
  for (uint32_t entries = 1; entries <= size(); ++entries) {
    const Descriptor descriptor = SEALVM_TRY(ReadDescriptor(AddressOf(position.index)));
    // All of a chain is made available, its head last.
    if (!IsAvailable(descriptor.flags, position.wrap)) {
      return InvalidInput("a descriptor chain that runs into what is not available");
    }
    position = Advance(position, 1);
    chain.ring_entries = static_cast<uint16_t>(entries);
    // The last descriptor's counts (section 2.8.6).
    chain.id = descriptor.id;
    if ((descriptor.flags & kDescriptorIndirect) != 0) {
      if (entries != 1) return InvalidInput("an indirect descriptor inside a chain");
      return WalkIndirect(descriptor, chain);
    }
    SEALVM_TRY(chain.Append({descriptor.gpa, descriptor.length},
                            (descriptor.flags & kDescriptorWrite) != 0));
    if ((descriptor.flags & kDescriptorNext) == 0) return {};
  }
  return InvalidInput("a descriptor chain longer than the virtqueue");
}

// Every entry counts, in order; of their flags WRITE alone has a meaning (section 2.8.7).
Result<> PackedRing::WalkIndirect(const Descriptor& descriptor, DescriptorChain& chain) const {
  const uint32_t entries =
      SEALVM_TRY(CheckIndirect(indirect_, descriptor.flags, {descriptor.gpa, descriptor.length}));
  for (uint32_t i = 0; i < entries; ++i) {
    const Descriptor entry =
        SEALVM_TRY(ReadDescriptor(descriptor.gpa + uint64_t{kDescriptorBytes} * i));
    if ((entry.flags & kDescriptorIndirect) != 0) {
      return InvalidInput("an indirect table inside an indirect table");
    }
    SEALVM_TRY(chain.Append({entry.gpa, entry.length}, (entry.flags & kDescriptorWrite) != 0));
  }
  return {};
}

void PackedRing::Unpop() {
  // Going on around the rest of the ring ends where the request began; the wrap counter then
  // differs by one turn.
  next_available_ =
      may_unpop_ <= next_available_.index
          ? Position{static_cast<uint16_t>(next_available_.index - may_unpop_),
                     next_available_.wrap}
          : Position{static_cast<uint16_t>(next_available_.index + size() - may_unpop_),
                     !next_available_.wrap};
  in_flight_ -= may_unpop_;
  may_unpop_ = 0;
}

Result<> PackedRing::Push(const DescriptorChain& chain, uint32_t written) {
  const Gpa gpa = AddressOf(next_used_.index);
  const UsedHead head = {written, chain.id};
  SEALVM_TRY(
      memory_->Write(gpa + kLengthOffset, {reinterpret_cast<const uint8_t*>(&head), sizeof(head)}));
  uint16_t flags = next_used_.wrap ? kAvailable | kUsed : 0;
  // Without it the length says nothing (section 2.8.4).
  if (written != 0) flags |= kDescriptorWrite;
  next_used_ = Advance(next_used_, chain.ring_entries);
  in_flight_ -= chain.ring_entries;
  unannounced_ += chain.ring_entries;
  // The store releases length and id and what the device wrote into the buffers.
  return memory_->Store<uint16_t>(gpa + kFlagsOffset, flags);
}

Result<bool> PackedRing::TakeInterruptWanted() {
  if (unannounced_ == 0) return false;
  const uint32_t count = std::exchange(unannounced_, 0);
  // The used flags, stored before, must be visible before the driver's wish is read: the driver
  // writes its wish and then looks at the ring once more.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const uint32_t wish = SEALVM_TRY(memory_->Load<uint32_t>(layout_.driver_area));
  const uint32_t flags = wish >> kEventFlagsShift & kEventFlagsMask;
  if (flags != kEventsAtDescriptor || !event_idx_) return flags != kEventsDisabled;
  // How far the next used position is past the event, which lies in this turn or the one before.
  const bool this_turn = ((wish & kEventWrap) != 0) == next_used_.wrap;
  const auto event = static_cast<int32_t>(wish & kEventOffsetMask) - (this_turn ? 0 : size());
  const int32_t past = next_used_.index - event;
  return past > 0 && static_cast<uint32_t>(past) <= count;
}

Result<bool> PackedRing::WantKicks(bool wanted) {
  kicks_wanted_ = wanted;
  SEALVM_TRY(PublishKickWish());
  return wanted ? LookForMore() : Result<bool>(false);
}

}  // namespace sealvm
