// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "devices/virtio/ring_checks.h"
#include "devices/virtio/testing/driver_queue.h"
#include "devices/virtio/testing/must.h"

namespace sealvm {
namespace {

// Virtual I/O Device 1.3 sections 2.8.1, 2.8.13 and 2.8.14.
constexpr uint16_t kAvailable = 1 << 7;
constexpr uint16_t kUsed = 1 << 15;
constexpr uint64_t kLengthOffset = 8;
constexpr uint64_t kIdOffset = 12;
constexpr uint64_t kFlagsOffset = 14;
constexpr uint64_t kEventFlagsOffset = 2;
constexpr uint16_t kEventsEnabled = 0;
constexpr uint16_t kEventsDisabled = 1;
constexpr uint16_t kEventsAtDescriptor = 2;
constexpr uint16_t kEventWrap = 0x8000;

}  // namespace

DriverQueue::PackedDriver::PackedDriver(TestGuest& guest, const QueueLayout& layout,
                                        const Options& options)
    : Ring(guest, layout, options), free_ids_(layout.size), entries_(layout.size) {
  std::iota(free_ids_.rbegin(), free_ids_.rend(), uint16_t{0});
}

DriverQueue::PackedDriver::Position DriverQueue::PackedDriver::Advance(Position position,
                                                                       uint32_t entries) const {
  const uint32_t index = position.index + entries;
  if (index < layout_.size) return {static_cast<uint16_t>(index), position.wrap};
  return {static_cast<uint16_t>(index - layout_.size), !position.wrap};
}

uint16_t DriverQueue::PackedDriver::FlagsAt(Position position, uint16_t flags) const {
  return static_cast<uint16_t>(flags | (position.wrap ? kAvailable : kUsed));
}

uint16_t DriverQueue::PackedDriver::Add(std::span<const GuestBuffer> readable,
                                        std::span<const GuestBuffer> writable) {
  const size_t count = readable.size() + writable.size();
  const uint16_t id = free_ids_.back();
  free_ids_.pop_back();
  std::vector<Descriptor> chain;
  for (size_t i = 0; i < count; ++i) {
    const bool write = i >= readable.size();
    const GuestBuffer& buffer = write ? writable[i - readable.size()] : readable[i];
    chain.push_back({buffer.gpa, buffer.length, id, write ? kDescriptorWrite : uint16_t{0}});
  }
  if (options_.indirect) {
    const GuestBuffer table = TableFor(id, count);
    for (size_t i = 0; i < count; ++i) Write(table.gpa + sizeof(Descriptor) * i, chain[i]);
    chain = {{table.gpa, table.length, id, kDescriptorIndirect}};
  }
  entries_[id] = static_cast<uint16_t>(chain.size());
  // The head's flags come last and make all of it available.
  Position position = Advance(available_, static_cast<uint32_t>(chain.size()));
  const Position end = position;
  for (size_t i = chain.size(); i-- > 0;) {
    position = Advance(available_, static_cast<uint32_t>(i));
    const bool last = i + 1 == chain.size();
    const auto flags = static_cast<uint16_t>(chain[i].fourth | (last ? 0 : kDescriptorNext));
    const Gpa gpa = AddressOf(position.index);
    Must(guest_.view()->Write(gpa, {reinterpret_cast<const uint8_t*>(&chain[i]), kFlagsOffset}));
    Store16(gpa + kFlagsOffset, FlagsAt(position, flags));
  }
  available_ = end;
  room_ -= entries_[id];
  unannounced_ += entries_[id];
  return id;
}

std::optional<DriverQueue::Used> DriverQueue::PackedDriver::TakeUsed() {
  const Gpa gpa = AddressOf(used_.index);
  const uint16_t flags = Load16(gpa + kFlagsOffset);
  if (((flags & kAvailable) != 0) != used_.wrap || ((flags & kUsed) != 0) != used_.wrap) {
    return std::nullopt;
  }
  const uint16_t id = Load16(gpa + kIdOffset);
  MustHold(id < layout_.size && entries_[id] != 0,
           "the device gave back a request that it did not have");
  const uint16_t entries = std::exchange(entries_[id], 0);
  used_ = Advance(used_, entries);
  room_ += entries;
  free_ids_.push_back(id);
  const uint32_t written = (flags & kDescriptorWrite) != 0 ? Load32(gpa + kLengthOffset) : 0;
  if (interrupts_wanted_ && options_.event_idx) PublishInterruptWish();
  return Used{id, written};
}

bool DriverQueue::PackedDriver::TakeKickWanted() {
  const uint32_t added = std::exchange(unannounced_, 0);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const uint32_t wish = Load32(layout_.device_area);
  const auto flags = static_cast<uint16_t>(wish >> 16);
  if (flags != kEventsAtDescriptor) return added != 0 && flags == kEventsEnabled;
  const auto event = static_cast<uint16_t>(wish);
  const bool this_turn = ((event & kEventWrap) != 0) == available_.wrap;
  const int past = available_.index - (event & ~kEventWrap) + (this_turn ? 0 : layout_.size);
  return past > 0 && static_cast<uint32_t>(past) <= added;
}

void DriverQueue::PackedDriver::WantInterrupts(bool wanted) {
  interrupts_wanted_ = wanted;
  PublishInterruptWish();
}

void DriverQueue::PackedDriver::PublishInterruptWish() {
  if (interrupts_wanted_ && options_.event_idx) {
    Store16(layout_.driver_area,
            static_cast<uint16_t>(used_.index | (used_.wrap ? kEventWrap : 0)));
    Store16(layout_.driver_area + kEventFlagsOffset, kEventsAtDescriptor);
  } else {
    Store16(layout_.driver_area + kEventFlagsOffset,
            interrupts_wanted_ ? kEventsEnabled : kEventsDisabled);
  }
  // Before the ring is read again.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace sealvm
