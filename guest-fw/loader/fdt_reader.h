// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_FDT_READER_H_
#define SEALVM_GUEST_FW_LOADER_FDT_READER_H_

#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <span>
#include <string_view>

namespace sealvm::loader {

// Reads big-endian numbers of trees; nullopt when they are not wholly inside `bytes`.
std::optional<uint32_t> LoadBe32(std::span<const uint8_t> bytes, size_t offset);
std::optional<uint64_t> LoadBe64(std::span<const uint8_t> bytes, size_t offset);

// Walks a flattened device tree of version 17 (Devicetree Specification 0.4 chapter 5) from its
// first to its last token. Nothing outside the given bytes is read, whatever they hold.
class FdtReader {
 public:
  enum class Event {
    kBeginNode,  // name() is the node's
    kProperty,   // name() and value() are the property's
    kEndNode,
    kEnd,    // the tree was complete and well formed
    kError,  // it is not; stays so
  };

  // A root node counts as depth 1.
  static constexpr int kMaxDepth = 8;

  // nullopt when `bytes` do not begin with a header that describes a tree inside them.
  static std::optional<FdtReader> Open(std::span<const uint8_t> bytes);

  Event Next();

  // Nodes that are open: 1 for the root's properties.
  int depth() const { return depth_; }
  // Valid after the event that set them, as long as the tree's bytes.
  std::string_view name() const { return name_; }
  std::span<const uint8_t> value() const { return value_; }

 private:
  FdtReader(std::span<const uint8_t> structure, std::span<const uint8_t> strings)
      : structure_(structure), strings_(strings) {}

  std::optional<uint32_t> TakeCell();
  // Takes `size` bytes and the padding to the next cell.
  std::optional<std::span<const uint8_t>> TakePadded(size_t size);
  Event BeginNode();
  Event Property();
  Event EndNode();
  Event End();
  Event Fail();

  std::span<const uint8_t> structure_;  // what is left of it
  std::span<const uint8_t> strings_;
  std::string_view name_;
  std::span<const uint8_t> value_;
  int depth_ = 0;
  bool root_seen_ = false;
  bool properties_allowed_ = false;
  bool failed_ = false;
};

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_FDT_READER_H_
