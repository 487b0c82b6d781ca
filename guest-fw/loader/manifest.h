// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_MANIFEST_H_
#define SEALVM_GUEST_FW_LOADER_MANIFEST_H_

#include <stddef.h>
#include <stdint.h>

#include <span>

#include "guest-fw/loader/handover_schema.h"
#include "guest-fw/loader/sha256.h"

namespace sealvm::loader {

// Bytes [base, base + size) of guest physical memory.
struct Range {
  uint64_t base = 0;
  uint64_t size = 0;

  // None of these wraps, whatever the fields are.
  bool Contains(const Range& other) const {
    return other.base >= base && other.base - base <= size &&
           other.size <= size - (other.base - base);
  }
  bool Overlaps(const Range& other) const {
    return base <= other.base ? other.base - base < size : base - other.base < other.size;
  }
  friend bool operator==(const Range&, const Range&) = default;
};

struct Payload {
  uint64_t source = 0;
  uint64_t destination = 0;  // with C
  uint64_t length = 0;
  Sha256Digest sha256 = {};
  bool is_loader = false;
};

// A copy of what the hand-over tree says; its fields are described in handover_schema.h.
struct Manifest {
  uint16_t status_port = kDefaultStatusPort;
  uint32_t c_bit = 0;
  uint32_t cpus = 0;
  Range window;
  uint64_t entry = 0;
  uint64_t boot_params = 0;
  uint64_t page_tables = 0;
  size_t ram_count = 0;
  size_t payload_count = 0;
  Range ram[kMaxHandoverRamRanges];
  Payload payloads[kMaxHandoverPayloads];

  uint64_t c_mask() const { return uint64_t{1} << c_bit; }
  // Where a payload goes, without C.
  Range Destination(const Payload& payload) const {
    return {payload.destination & ~c_mask(), payload.length};
  }
  // The one that is the loader; null when there is none.
  const Payload* loader() const;
};

// Fills `manifest` from the tree at the start of `bytes`. Strict: every name must be known, every
// property there once and of its exact size. status_port is set as soon as it is read, also when
// something else is wrong.
LoaderStatus ParseManifest(std::span<const uint8_t> bytes, Manifest* manifest);

// Checks that the manifest's numbers can be acted on. `image` is where the running loader lies.
LoaderStatus CheckManifest(const Manifest& manifest, const Range& image);

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_MANIFEST_H_
