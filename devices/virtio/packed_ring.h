// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_PACKED_RING_H_
#define SEALVM_DEVICES_VIRTIO_PACKED_RING_H_

#include <stdint.h>

#include <memory>

#include "devices/virtio/virtqueue.h"

namespace sealvm {

// The device's side of a packed virtqueue, Virtual I/O Device 1.3 section 2.8.
class PackedRing final : public Virtqueue {
 public:
  // As Virtqueue::Create, which has checked the size's bounds.
  static Result<std::unique_ptr<Virtqueue>> Create(uint64_t features, const QueueLayout& layout,
                                                   std::shared_ptr<SharedView> memory);

  Result<bool> Pop(DescriptorChain& chain) override;
  void Unpop() override;
  Result<> Push(const DescriptorChain& chain, uint32_t written) override;
  Result<bool> TakeInterruptWanted() override;
  Result<bool> WantKicks(bool wanted) override;

 private:
  struct Descriptor;

  // A place in the ring and the wrap counter that belongs to it (section 2.8.1).
  struct Position {
    uint16_t index = 0;
    bool wrap = true;

    friend bool operator==(const Position&, const Position&) = default;
  };

  PackedRing(uint64_t features, const QueueLayout& layout, std::shared_ptr<SharedView> memory);
  Position Advance(Position position, uint32_t entries) const;
  Gpa AddressOf(uint16_t index) const;
  // Whether there is a request at next_available_.
  Result<bool> LookForMore() const;
  Result<> PublishKickWish();
  Result<Descriptor> ReadDescriptor(Gpa gpa) const;
  Result<> Walk(DescriptorChain& chain) const;
  Result<> WalkIndirect(const Descriptor& descriptor, DescriptorChain& chain) const;

  const bool indirect_;
  const bool event_idx_;

  Position next_available_;
  Position next_used_;
  Position kick_event_;  // what the driver finds in the device event suppression area

  uint32_t in_flight_ = 0;    // ring entries
  uint32_t unannounced_ = 0;  // ring entries given back since TakeInterruptWanted
  bool kicks_wanted_ = true;  // what a zeroed area says
  uint16_t may_unpop_ = 0;    // ring entries of the request taken last
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_PACKED_RING_H_
