// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/manifest.h"

namespace sealvm::loader {
namespace {

constexpr uint64_t kPage = 4096;

// Not empty, whole pages, and all below `limit`.
bool IsPagesBelow(const Range& range, uint64_t limit) {
  return range.size != 0 && range.base % kPage == 0 && range.size % kPage == 0 &&
         Range{0, limit}.Contains(range);
}

LoaderError CheckRam(const Manifest& manifest) {
  for (size_t i = 0; i < manifest.ram_count; ++i) {
    if (!IsPagesBelow(manifest.ram[i], manifest.c_mask())) {
      return LoaderError::kBadRam;
    }
    for (size_t other = 0; other < i; ++other) {
      if (manifest.ram[i].Overlaps(manifest.ram[other])) {
        return LoaderError::kBadRam;
      }
    }
  }
  return manifest.ram_count == 0 ? LoaderError::kBadRam : LoaderError::kNone;
}

LoaderError CheckWindow(const Manifest& manifest) {
  if (!IsPagesBelow(manifest.window, manifest.c_mask()) || manifest.window.size > kMaxWindowSize) {
    return LoaderError::kBadWindow;
  }
  for (size_t i = 0; i < manifest.ram_count; ++i) {
    if (manifest.ram[i].Overlaps(manifest.window)) {
      return LoaderError::kBadWindow;
    }
  }
  return LoaderError::kNone;
}

bool IsInRam(const Manifest& manifest, const Range& range) {
  for (size_t i = 0; i < manifest.ram_count; ++i) {
    if (manifest.ram[i].Contains(range)) {
      return true;
    }
  }
  return false;
}

LoaderError CheckPayload(const Manifest& manifest, size_t index) {
  const Payload& payload = manifest.payloads[index];
  if (payload.length == 0) {
    return LoaderError::kBadLength;
  }
  if (!manifest.window.Contains({payload.source, payload.length})) {
    return LoaderError::kBadSource;
  }
  if ((payload.destination & manifest.c_mask()) == 0) {
    return LoaderError::kNoCBit;
  }
  const Range destination = manifest.Destination(payload);
  if (!IsInRam(manifest, destination)) {
    return LoaderError::kBadDestination;
  }
  for (size_t other = 0; other < index; ++other) {
    if (destination.Overlaps(manifest.Destination(manifest.payloads[other]))) {
      return LoaderError::kOverlap;
    }
  }
  return LoaderError::kNone;
}

LoaderStatus CheckPayloads(const Manifest& manifest) {
  for (size_t i = 0; i < manifest.payload_count; ++i) {
    const LoaderError error = CheckPayload(manifest, i);
    if (error != LoaderError::kNone) {
      return {error, static_cast<uint8_t>(i)};
    }
  }
  return {};
}

// The payload that is the loader must be the bytes that run now: what continues in private memory
// is then known to be the same program.
LoaderStatus CheckLoader(const Manifest& manifest, const Range& image) {
  const Payload* found = nullptr;
  for (size_t i = 0; i < manifest.payload_count; ++i) {
    const Payload& payload = manifest.payloads[i];
    if (!payload.is_loader) {
      continue;
    }
    const Range destination = manifest.Destination(payload);
    if (found != nullptr || image != Range{payload.source, payload.length} ||
        !IsPagesBelow(destination, kPrivateMapEnd)) {
      return {LoaderError::kBadLoader, static_cast<uint8_t>(i)};
    }
    found = &payload;
  }
  return {found == nullptr ? LoaderError::kNoLoader : LoaderError::kNone, kNoPayload};
}

// Whether `range`, without C, was given by a payload other than the loader and stays reachable
// under the final page tables.
bool IsHandedOver(const Manifest& manifest, const Range& range) {
  if (!Range{0, kPrivateMapEnd}.Contains(range)) {
    return false;
  }
  for (size_t i = 0; i < manifest.payload_count; ++i) {
    const Payload& payload = manifest.payloads[i];
    if (!payload.is_loader && manifest.Destination(payload).Contains(range)) {
      return true;
    }
  }
  return false;
}

LoaderError CheckKernelState(const Manifest& manifest) {
  if (!IsHandedOver(manifest, {manifest.entry, 1})) {
    return LoaderError::kBadEntry;
  }
  if (!IsHandedOver(manifest, {manifest.boot_params, kPage})) {
    return LoaderError::kBadBootParams;
  }
  const uint64_t page_tables = manifest.page_tables & ~manifest.c_mask();
  if (page_tables == manifest.page_tables || page_tables % kPage != 0 ||
      !IsHandedOver(manifest, {page_tables, kPage})) {
    return LoaderError::kBadPageTables;
  }
  return LoaderError::kNone;
}

LoaderError CheckMachine(const Manifest& manifest) {
  if (manifest.c_bit < kMinCBit || manifest.c_bit > kMaxCBit) {
    return LoaderError::kBadCBit;
  }
  if (manifest.cpus == 0) {
    return LoaderError::kBadCpus;
  }
  const LoaderError error = CheckRam(manifest);
  return error != LoaderError::kNone ? error : CheckWindow(manifest);
}

}  // namespace

const Payload* Manifest::loader() const {
  for (size_t i = 0; i < payload_count; ++i) {
    if (payloads[i].is_loader) {
      return &payloads[i];
    }
  }
  return nullptr;
}

LoaderStatus CheckManifest(const Manifest& manifest, const Range& image) {
  const LoaderError machine = CheckMachine(manifest);
  if (machine != LoaderError::kNone) {
    return {machine, kNoPayload};
  }
  const LoaderStatus payloads = CheckPayloads(manifest);
  if (!payloads.ok()) {
    return payloads;
  }
  const LoaderStatus loader = CheckLoader(manifest, image);
  if (!loader.ok()) {
    return loader;
  }
  return {CheckKernelState(manifest), kNoPayload};
}

}  // namespace sealvm::loader
