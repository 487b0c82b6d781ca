// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_SPLIT_RING_H_
#define SEALVM_DEVICES_VIRTIO_SPLIT_RING_H_

#include <stdint.h>

#include <memory>

#include "devices/virtio/virtqueue.h"

namespace sealvm {

// The device's side of a split virtqueue, Virtual I/O Device 1.3 section 2.7.
class SplitRing final : public Virtqueue {
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
  struct Table;

  SplitRing(uint64_t features, const QueueLayout& layout, std::shared_ptr<SharedView> memory);
  // Whether there is a request at next_available_.
  Result<bool> LookForMore();
  Result<> PublishKickEvent();
  Result<> Walk(uint16_t head, DescriptorChain& chain) const;
  Result<Table> OpenIndirect(const Descriptor& descriptor) const;

  const bool indirect_;
  const bool event_idx_;

  // Free-running indices, as those in the rings.
  uint16_t next_available_ = 0;
  uint16_t seen_available_ = 0;  // the driver's index, as last read
  uint16_t next_used_ = 0;
  uint16_t kick_event_ = 0;  // what the driver finds in avail_event

  uint32_t in_flight_ = 0;    // requests
  uint32_t unannounced_ = 0;  // requests given back since TakeInterruptWanted
  bool kicks_wanted_ = true;  // what a zeroed used ring says
  bool may_unpop_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_SPLIT_RING_H_
