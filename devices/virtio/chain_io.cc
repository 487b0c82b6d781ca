// SPDX-License-Identifier: Apache-2.0
#include "devices/virtio/chain_io.h"

#include <algorithm>

namespace sealvm {

uint64_t ChainCursor::remaining() const {
  uint64_t bytes = 0;
  for (const GuestBuffer& buffer : buffers_.subspan(index_)) bytes += buffer.length;
  return bytes - offset_;
}

// Calls `use` with the guest's address and the length of each piece of the next `length` bytes.
template <typename Use>
Result<> ChainCursor::Walk(uint64_t length, const Use& use) {
  while (length > 0) {
    if (index_ == buffers_.size()) return InvalidInput("the request's buffers are too short");
    const GuestBuffer& buffer = buffers_[index_];
    const uint32_t piece =
        static_cast<uint32_t>(std::min<uint64_t>(length, buffer.length - offset_));
    SEALVM_TRY(use(buffer.gpa + offset_, piece));
    length -= piece;
    offset_ += piece;
    if (offset_ == buffer.length) {
      ++index_;
      offset_ = 0;
    }
  }
  return {};
}

bool ChainCursor::Skip(uint64_t length) {
  return Walk(length, [](Gpa, uint32_t) { return Result<>(); }).has_value();
}

Result<> ChainCursor::Read(const SharedView& memory, std::span<uint8_t> out) {
  return Walk(out.size(), [&](Gpa gpa, uint32_t length) {
    const std::span<uint8_t> piece = out.first(length);
    out = out.subspan(length);
    return memory.Read(gpa, piece);
  });
}

Result<> ChainCursor::Write(SharedView& memory, std::span<const uint8_t> bytes) {
  return Walk(bytes.size(), [&](Gpa gpa, uint32_t length) {
    const std::span<const uint8_t> piece = bytes.first(length);
    bytes = bytes.subspan(length);
    return memory.Write(gpa, piece);
  });
}

std::vector<GuestBuffer> ChainCursor::Pieces(uint64_t length) const {
  std::vector<GuestBuffer> pieces;
  pieces.reserve(buffers_.size() - index_);
  ChainCursor cursor = *this;
  // An error means that the buffers ended, which is an answer here.
  if (!cursor.Walk(length, [&](Gpa gpa, uint32_t piece) -> Result<> {
        pieces.push_back({gpa, piece});
        return {};
      })) {
    return pieces;
  }
  return pieces;
}

}  // namespace sealvm
