// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_VIRTQUEUE_H_
#define SEALVM_DEVICES_VIRTIO_VIRTQUEUE_H_

#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_buffer.h"
#include "memory/guest_layout.h"
#include "memory/shared_view.h"

namespace sealvm {

// The most entries that a virtqueue may have (Virtual I/O Device 1.3 sections 2.7 and 2.8).
inline constexpr uint16_t kMaxQueueSize = 32768;

// Where a virtqueue lies and how long it is, as the driver said. The areas are, for split and
// packed rings: descriptor table or ring; available ring or driver event suppression; used ring or
// device event suppression.
struct QueueLayout {
  uint16_t size = 0;
  Gpa descriptor_area = 0;
  Gpa driver_area = 0;
  Gpa device_area = 0;
};

// One request: the buffers that the device reads, then those that it writes. A copy of what the
// descriptors said, made once.
class DescriptorChain {
 public:
  std::span<const GuestBuffer> readable() const { return std::span(buffers_).first(readable_); }
  std::span<const GuestBuffer> writable() const { return std::span(buffers_).subspan(readable_); }
  std::span<const GuestBuffer> buffers() const { return buffers_; }
  uint64_t readable_bytes() const { return readable_bytes_; }
  uint64_t writable_bytes() const { return writable_bytes_; }

  void Clear();
  // Adds a descriptor's buffer. kInvalidInput for an empty one, a wrapping one, and a readable one
  // behind a writable one.
  Result<> Append(GuestBuffer buffer, bool device_writes);

  // Which request this is, for Push: the split ring's head index, the packed ring's buffer id with
  // the number of ring entries that the chain took.
  uint16_t id = 0;
  uint16_t ring_entries = 0;

 private:
  std::vector<GuestBuffer> buffers_;
  size_t readable_ = 0;
  uint64_t readable_bytes_ = 0;
  uint64_t writable_bytes_ = 0;
};

// The device's side of one virtqueue. Every value that the driver wrote is read once and checked;
// what breaks the ring's rules is kInvalidInput, after which the queue is of no use until it is
// reset. Not thread-safe: one thread at a time.
class Virtqueue {
 public:
  // By the negotiated `features` a split or a packed ring. kInvalidInput for a layout that no ring
  // may have: size, alignment, areas that wrap.
  static Result<std::unique_ptr<Virtqueue>> Create(uint64_t features, const QueueLayout& layout,
                                                   std::shared_ptr<SharedView> memory);
  virtual ~Virtqueue() = default;

  // Takes the next available request into `chain`, whose storage is used again. False: none.
  virtual Result<bool> Pop(DescriptorChain& chain) = 0;
  // Puts the request taken last back, as if it had not been taken.
  virtual void Unpop() = 0;
  // Gives a request back to the driver, of whose writable bytes the first `written` were written.
  // Any order, unless VIRTIO_F_IN_ORDER was negotiated.
  virtual Result<> Push(const DescriptorChain& chain, uint32_t written) = 0;
  // Whether the driver wants an interrupt for what was pushed since the last call.
  virtual Result<bool> TakeInterruptWanted() = 0;
  // Asks the driver for kicks, or to spare them. After asking, true: requests became available
  // meanwhile, for which no kick may come.
  virtual Result<bool> WantKicks(bool wanted) = 0;

  uint16_t size() const { return layout_.size; }
  const std::shared_ptr<SharedView>& memory() const { return memory_; }

 protected:
  Virtqueue(const QueueLayout& layout, std::shared_ptr<SharedView> memory)
      : layout_(layout), memory_(std::move(memory)) {}

  const QueueLayout layout_;
  const std::shared_ptr<SharedView> memory_;
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_VIRTQUEUE_H_
