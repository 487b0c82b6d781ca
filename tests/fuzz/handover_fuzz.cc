// SPDX-License-Identifier: Apache-2.0
// Hostile hand-over trees for the sealed loader: the first byte chooses between the input as the
// tree itself and a good tree with bytes changed. What passes the checks must be safe to copy.
#include <algorithm>
#include <memory>
#include <vector>

#include "guest-fw/loader/testing_tree.h"
#include "tests/fuzz/fuzz_input.h"

namespace sealvm::loader {
namespace {

using Wide = unsigned __int128;  // sums of 64-bit numbers do not wrap

bool Inside(const Range& inner, const Range& outer) {
  return inner.base >= outer.base && Wide{inner.base} + inner.size <= Wide{outer.base} + outer.size;
}

void CheckPayload(const Manifest& manifest, size_t index) {
  const Payload& payload = manifest.payloads[index];
  const Range destination{payload.destination - manifest.c_mask(), payload.length};
  SEALVM_FUZZ_CHECK(payload.length > 0);
  SEALVM_FUZZ_CHECK(Inside({payload.source, payload.length}, manifest.window));
  SEALVM_FUZZ_CHECK(std::any_of(manifest.ram, manifest.ram + manifest.ram_count,
                                [&](const Range& ram) { return Inside(destination, ram); }));
  for (size_t i = 0; i < index; ++i) {
    const Range other = manifest.Destination(manifest.payloads[i]);
    SEALVM_FUZZ_CHECK(Wide{other.base} + other.size <= destination.base ||
                      Wide{destination.base} + destination.size <= other.base);
  }
}

void Try(std::span<const uint8_t> tree) {
  // Exactly as long as the tree, so that a sanitizer sees each byte read too far.
  const std::vector<uint8_t> bytes(tree.begin(), tree.end());
  auto manifest = std::make_unique<Manifest>();
  if (!ParseManifest(bytes, manifest.get()).ok()) return;
  SEALVM_FUZZ_CHECK(manifest->payload_count <= kMaxHandoverPayloads);
  SEALVM_FUZZ_CHECK(manifest->ram_count <= kMaxHandoverRamRanges);
  if (!CheckManifest(*manifest, kImage).ok()) return;
  for (size_t i = 0; i < manifest->payload_count; ++i) CheckPayload(*manifest, i);
  SEALVM_FUZZ_CHECK(manifest->loader() != nullptr);
}

}  // namespace
}  // namespace sealvm::loader

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealvm;
  FuzzInput input({data, size});
  if (input.TakeByte() % 4 == 0) {
    loader::Try(input.TakeBytes(size));
    return 0;
  }
  std::vector<uint8_t> tree = loader::WriteTree(loader::GoodManifest());
  while (!input.empty()) {
    const size_t at = input.TakeNumber(2) % tree.size();
    tree[at] = input.TakeByte();
  }
  loader::Try(tree);
  return 0;
}
