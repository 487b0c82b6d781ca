// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_PAYLOAD_COPIER_H_
#define SEALVM_GUEST_FW_LOADER_PAYLOAD_COPIER_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <algorithm>

#include "guest-fw/loader/manifest.h"
#include "guest-fw/loader/sha256.h"

namespace sealvm::loader {

// Source and copy of one piece stay in a first-level data cache of 32 KiB and up.
inline constexpr size_t kCopyPiece = 12 * 1024;

// Guest physical memory where the running program sees it: identity mapped.
class IdentityMemory {
 public:
  void Copy(uint64_t to, uint64_t from, size_t size) const {
    memcpy(reinterpret_cast<void*>(to), reinterpret_cast<const void*>(from), size);
    // What is hashed is read from `to` again, whatever the compiler knows about it.
    asm volatile("" ::: "memory");
  }
  const uint8_t* Read(uint64_t address, size_t) const {
    return reinterpret_cast<const uint8_t*>(address);
  }
};

// Copies every payload of a checked manifest, in order, and compares the SHA-256 of what arrived
// with what was announced. The source is read once and never trusted: what changes in it before
// the copy shows in the digest, what changes later has no effect. `memory` is an IdentityMemory, or
// in tests something with the same methods.
template <typename Memory>
LoaderStatus CopyPayloads(Memory& memory, const Manifest& manifest, Sha256Engine engine) {
  for (size_t i = 0; i < manifest.payload_count; ++i) {
    const Payload& payload = manifest.payloads[i];
    Sha256 hash(engine);
    for (uint64_t done = 0; done < payload.length;) {
      const size_t size = std::min<uint64_t>(payload.length - done, kCopyPiece);
      const uint64_t to = payload.destination + done;
      memory.Copy(to, payload.source + done, size);
      hash.Update(memory.Read(to, size), size);
      done += size;
    }
    if (hash.Finish() != payload.sha256) {
      return {LoaderError::kDigestMismatch, static_cast<uint8_t>(i)};
    }
  }
  return {};
}

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_PAYLOAD_COPIER_H_
