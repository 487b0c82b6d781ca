// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/testing/driver_queue.h"

#include <algorithm>

#include "devices/virtio/testing/must.h"

namespace sealvm {

void DriverQueue::Ring::Write(Gpa gpa, const Descriptor& descriptor) {
  Must(guest_.view()->Write(gpa,
                            {reinterpret_cast<const uint8_t*>(&descriptor), sizeof(descriptor)}));
}

GuestBuffer DriverQueue::Ring::TableFor(uint16_t token, size_t entries) {
  const auto length = static_cast<uint32_t>(entries * sizeof(Descriptor));
  GuestBuffer& table = tables_[token];
  if (table.length < length) table = guest_.Room(length);
  return {table.gpa, length};
}

uint16_t DriverQueue::Ring::Load16(Gpa gpa) const {
  return Must(guest_.view()->Load<uint16_t>(gpa));
}

uint32_t DriverQueue::Ring::Load32(Gpa gpa) const {
  return Must(guest_.view()->Load<uint32_t>(gpa));
}

void DriverQueue::Ring::Store16(Gpa gpa, uint16_t value) {
  Must(guest_.view()->Store<uint16_t>(gpa, value));
}

DriverQueue::DriverQueue(TestGuest& guest, uint16_t size, Options options) : options_(options) {
  // The areas of section 2.7; those of a packed ring are no longer.
  layout_ = {size, guest.Allocate(uint64_t{16} * size, 16),
             guest.Allocate(6 + uint64_t{2} * size, 4), guest.Allocate(6 + uint64_t{8} * size, 4)};
  if (options.packed) {
    ring_ = std::make_unique<PackedDriver>(guest, layout_, options);
  } else {
    ring_ = std::make_unique<SplitDriver>(guest, layout_, options);
  }
}

DriverQueue::~DriverQueue() = default;

uint64_t DriverQueue::features() const {
  return kFeatureVersion1 | (options_.packed ? kFeaturePacked : 0) |
         (options_.indirect ? kFeatureIndirect : 0) | (options_.event_idx ? kFeatureEventIdx : 0) |
         (options_.in_order ? kFeatureInOrder : 0);
}

uint16_t DriverQueue::Add(std::span<const GuestBuffer> readable,
                          std::span<const GuestBuffer> writable) {
  const size_t needed = options_.indirect ? 1 : readable.size() + writable.size();
  MustHold(!(readable.empty() && writable.empty()), "a request without a buffer");
  MustHold(needed <= room(), "the test's ring has no room for the request");
  return ring_->Add(readable, writable);
}

uint16_t DriverQueue::room() const { return ring_->room(); }
std::optional<DriverQueue::Used> DriverQueue::TakeUsed() { return ring_->TakeUsed(); }
bool DriverQueue::TakeKickWanted() { return ring_->TakeKickWanted(); }
void DriverQueue::WantInterrupts(bool wanted) { ring_->WantInterrupts(wanted); }

}  // namespace sealvm
