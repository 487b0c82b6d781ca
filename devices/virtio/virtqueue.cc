// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/virtqueue.h"

#include <fmt/format.h>

#include "devices/virtio/packed_ring.h"
#include "devices/virtio/split_ring.h"
#include "devices/virtio/virtio_ids.h"

namespace sealvm {
namespace {

// What a chain may have in all (Virtual I/O Device 1.3 section 2.7.5).
constexpr uint64_t kMaxChainBytes = uint64_t{1} << 32;

}  // namespace

void DescriptorChain::Clear() {
  id = 0;
  ring_entries = 0;
  buffers_.clear();
  readable_ = 0;
  readable_bytes_ = 0;
  writable_bytes_ = 0;
}

Result<> DescriptorChain::Append(GuestBuffer buffer, bool device_writes) {
  if (buffer.length == 0) return InvalidInput("a descriptor without a byte");
  if (buffer.gpa + buffer.length < buffer.gpa) {
    return InvalidInput(fmt::format("a descriptor of {} bytes at {:#x} runs past the last address",
                                    buffer.length, buffer.gpa));
  }
  if (!device_writes && readable_ != buffers_.size()) {
    return InvalidInput("a readable descriptor behind a writable one");
  }
  if (readable_bytes_ + writable_bytes_ + buffer.length > kMaxChainBytes) {
    return InvalidInput("a descriptor chain of more than 2^32 bytes");
  }
  buffers_.push_back(buffer);
  readable_ += device_writes ? 0 : 1;
  (device_writes ? writable_bytes_ : readable_bytes_) += buffer.length;
  return {};
}

Result<std::unique_ptr<Virtqueue>> Virtqueue::Create(uint64_t features, const QueueLayout& layout,
                                                     std::shared_ptr<SharedView> memory) {
  if (layout.size == 0 || layout.size > kMaxQueueSize) {
    return InvalidInput(fmt::format("a virtqueue of {} entries", layout.size));
  }
  if ((features & kFeaturePacked) != 0) {
    return PackedRing::Create(features, layout, std::move(memory));
  }
  return SplitRing::Create(features, layout, std::move(memory));
}

}  // namespace sealvm
