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

// Virtual I/O Device 1.3 sections 2.7.6 and 2.7.8.
constexpr uint64_t kIndexOffset = 2;
constexpr uint64_t kElementsOffset = 4;
constexpr uint16_t kNoInterrupt = 1;
constexpr uint16_t kNoNotify = 1;

// Far from any index that the device reaches soon.
constexpr uint16_t kFarAway = 0x8000;

}  // namespace

DriverQueue::SplitDriver::SplitDriver(TestGuest& guest, const QueueLayout& layout,
                                      const Options& options)
    : Ring(guest, layout, options), free_(layout.size), taken_(layout.size) {
  // Descriptor 0 is taken first.
  std::iota(free_.rbegin(), free_.rend(), uint16_t{0});
}

uint16_t DriverQueue::SplitDriver::TakeFree() {
  const uint16_t index = free_.back();
  free_.pop_back();
  --room_;
  return index;
}

void DriverQueue::SplitDriver::WriteChain(Gpa table, std::span<const uint16_t> indices,
                                          std::span<const GuestBuffer> readable,
                                          std::span<const GuestBuffer> writable) {
  for (size_t i = 0; i < indices.size(); ++i) {
    const bool write = i >= readable.size();
    const GuestBuffer& buffer = write ? writable[i - readable.size()] : readable[i];
    const bool last = i + 1 == indices.size();
    const auto flags =
        static_cast<uint16_t>((write ? kDescriptorWrite : 0) | (last ? 0 : kDescriptorNext));
    Write(table + sizeof(Descriptor) * indices[i],
          {buffer.gpa, buffer.length, flags, last ? uint16_t{0} : indices[i + 1]});
  }
}

uint16_t DriverQueue::SplitDriver::Add(std::span<const GuestBuffer> readable,
                                       std::span<const GuestBuffer> writable) {
  const size_t count = readable.size() + writable.size();
  const uint16_t head = TakeFree();
  std::vector<uint16_t>& taken = taken_[head];
  taken.assign(1, head);
  if (options_.indirect) {
    const GuestBuffer table = TableFor(head, count);
    std::vector<uint16_t> indices(count);
    std::iota(indices.begin(), indices.end(), uint16_t{0});
    WriteChain(table.gpa, indices, readable, writable);
    Write(AddressOf(head), {table.gpa, table.length, kDescriptorIndirect, 0});
  } else {
    while (taken.size() < count) taken.push_back(TakeFree());
    WriteChain(layout_.descriptor_area, taken, readable, writable);
  }
  Store16(layout_.driver_area + kElementsOffset + 2 * (available_ % layout_.size), head);
  Store16(layout_.driver_area + kIndexOffset, ++available_);
  return head;
}

std::optional<DriverQueue::Used> DriverQueue::SplitDriver::TakeUsed() {
  if (Load16(layout_.device_area + kIndexOffset) == used_) return std::nullopt;
  const Gpa element = layout_.device_area + kElementsOffset + 8 * (used_ % layout_.size);
  std::array<uint32_t, 2> id_and_length;
  Must(guest_.view()->Read(element, {reinterpret_cast<uint8_t*>(id_and_length.data()), 8}));
  const auto head = static_cast<uint16_t>(id_and_length[0]);
  MustHold(id_and_length[0] < layout_.size && !taken_[head].empty(),
           "the device gave back a request that it did not have");
  for (const uint16_t index : std::exchange(taken_[head], {})) free_.push_back(index);
  room_ = static_cast<uint16_t>(free_.size());
  ++used_;
  if (interrupts_wanted_ && options_.event_idx) PublishInterruptWish();
  return Used{head, id_and_length[1]};
}

bool DriverQueue::SplitDriver::TakeKickWanted() {
  const auto added = static_cast<uint16_t>(available_ - std::exchange(announced_, available_));
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!options_.event_idx) return added != 0 && (Load16(layout_.device_area) & kNoNotify) == 0;
  const uint16_t event = Load16(layout_.device_area + kElementsOffset + 8 * layout_.size);
  return static_cast<uint16_t>(available_ - event - 1) < added;
}

void DriverQueue::SplitDriver::WantInterrupts(bool wanted) {
  interrupts_wanted_ = wanted;
  PublishInterruptWish();
}

void DriverQueue::SplitDriver::PublishInterruptWish() {
  if (options_.event_idx) {
    Store16(layout_.driver_area + kElementsOffset + 2 * layout_.size,
            interrupts_wanted_ ? used_ : static_cast<uint16_t>(used_ + kFarAway));
  } else {
    Store16(layout_.driver_area, interrupts_wanted_ ? 0 : kNoInterrupt);
  }
  // Before the used index is read again.
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace sealvm
