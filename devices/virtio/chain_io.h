// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_DEVICES_VIRTIO_CHAIN_IO_H_
#define SEALVM_DEVICES_VIRTIO_CHAIN_IO_H_

#include <stdint.h>

#include <span>
#include <type_traits>
#include <vector>

#include "devices/virtio/virtqueue.h"
#include "memory/shared_view.h"

namespace sealvm {

// A position in a list of guest buffers, read or written as one stream of bytes. A range that the
// guest does not share is kInvalidInput.
class ChainCursor {
 public:
  explicit ChainCursor(std::span<const GuestBuffer> buffers) : buffers_(buffers) {}

  // Bytes left.
  uint64_t remaining() const;
  // Moves on; false, and the cursor is at the end, when there are fewer bytes.
  bool Skip(uint64_t length);

  // Copies all of `out` or `bytes`; kInvalidInput when the buffers are shorter than that.
  Result<> Read(const SharedView& memory, std::span<uint8_t> out);
  Result<> Write(SharedView& memory, std::span<const uint8_t> bytes);

  template <typename T>
  Result<T> ReadObject(const SharedView& memory) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    SEALVM_TRY(Read(memory, {reinterpret_cast<uint8_t*>(&value), sizeof(value)}));
    return value;
  }
  template <typename T>
  Result<> WriteObject(SharedView& memory, const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return Write(memory, {reinterpret_cast<const uint8_t*>(&value), sizeof(value)});
  }

  // The next `length` bytes as pieces, without moving; fewer when the buffers end.
  std::vector<GuestBuffer> Pieces(uint64_t length) const;

 private:
  template <typename Use>
  Result<> Walk(uint64_t length, const Use& use);

  std::span<const GuestBuffer> buffers_;
  size_t index_ = 0;
  uint32_t offset_ = 0;  // into buffers_[index_]
};

}  // namespace sealvm

#endif  // SEALVM_DEVICES_VIRTIO_CHAIN_IO_H_
