// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_TESTING_TREE_H_
#define SEALVM_GUEST_FW_LOADER_TESTING_TREE_H_

#include <stdint.h>

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "guest-fw/loader/manifest.h"

namespace sealvm::loader {

using Bytes = std::vector<uint8_t>;

Bytes Be32(uint32_t value);
Bytes Be64(uint64_t value);
Bytes Concatenate(std::initializer_list<Bytes> parts);

// Writes device trees token by token, good ones and bad ones.
class TreeWriter {
 public:
  // Offsets of the header's fields (Devicetree Specification 0.4 section 5.2).
  enum HeaderField : size_t {
    kMagic = 0,
    kTotalSize = 4,
    kStructureOffset = 8,
    kStringsOffset = 12,
    kVersion = 20,
    kLastCompatible = 24,
    kStringsSize = 32,
    kStructureSize = 36,
  };

  TreeWriter& Begin(std::string_view name);
  TreeWriter& Property(std::string_view name, const Bytes& value);
  TreeWriter& End();
  // The token after the root node.
  TreeWriter& Finish();
  TreeWriter& Cell(uint32_t value);

  Bytes Build() const;

 private:
  void Text(std::string_view text);
  void Pad();

  Bytes structure_;
  Bytes strings_;
};

void SetHeader(Bytes& tree, TreeWriter::HeaderField field, uint32_t value);

// Gets every property before it is written; what it returns is written in its place.
struct TreeProperty {
  std::string_view node;
  std::string_view name;
  Bytes value;
};
using TreeEdit = std::function<std::vector<TreeProperty>(const TreeProperty&)>;

// The hand-over tree of a manifest.
Bytes WriteTree(const Manifest& manifest, const TreeEdit& edit = {});

// A manifest that passes all checks with an image at kImage: RAM in two ranges, a kernel at 16 MiB
// that starts at its first byte, boot structures with page tables, and the loader.
inline constexpr uint64_t kMiB = uint64_t{1} << 20;
inline constexpr uint64_t kGiB = uint64_t{1} << 30;
inline constexpr unsigned kCBit = 39;
inline constexpr uint64_t kC = uint64_t{1} << kCBit;
inline constexpr uint64_t kWindow = 6 * kGiB;
inline constexpr Range kImage = {kWindow, 0x7000};
inline constexpr size_t kKernelPayload = 0;
inline constexpr size_t kBootPayload = 1;
inline constexpr size_t kLoaderPayload = 2;
Manifest GoodManifest();

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_TESTING_TREE_H_
