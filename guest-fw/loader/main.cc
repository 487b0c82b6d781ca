// SPDX-License-Identifier: Apache-2.0
// The sealed loader up to its jump into private memory; runs in the window on the VMM's tables.

#include <stdint.h>

#include <span>

#include "guest-fw/loader/cpu.h"
#include "guest-fw/loader/handoff.h"
#include "guest-fw/loader/manifest.h"
#include "guest-fw/loader/payload_copier.h"

// Of link.ld.
extern "C" {
[[gnu::visibility("hidden")]] extern const uint8_t loader_image_start[];
[[gnu::visibility("hidden")]] extern const uint8_t loader_scratch[];
[[gnu::visibility("hidden")]] extern const uint8_t loader_image_end[];
}

namespace sealvm::loader {
namespace {

uint64_t AddressOf(const uint8_t* symbol) { return reinterpret_cast<uint64_t>(symbol); }

LoaderStatus CopyWithBestEngine(const Manifest& manifest) {
  IdentityMemory memory;
  if (!CpuHasShaNi()) {
    return CopyPayloads(memory, manifest, Sha256Engine::kScalar);
  }
  // CR4 is not read: nested hypervisors have been seen to show their own.
  WriteCr4(kCr4Pae | kCr4Osfxsr);
  const LoaderStatus status = CopyPayloads(memory, manifest, Sha256Engine::kShaNi);
  SealvmClearSseRegisters();
  WriteCr4(kCr4Pae);
  return status;
}

LoaderStatus Load(const uint8_t* tree, Manifest* manifest) {
  LoaderStatus status = ParseManifest({tree, kMaxHandoverTreeSize}, manifest);
  if (status.ok()) {
    const uint64_t image = AddressOf(loader_image_start);
    status = CheckManifest(*manifest, {image, AddressOf(loader_image_end) - image});
  }
  return status.ok() ? CopyWithBestEngine(*manifest) : status;
}

}  // namespace

// Returns where the private copy's Handoff lies, with C; after an error not at all.
extern "C" Handoff* SealvmLoaderMain(const uint8_t* tree) {
  Manifest manifest;
  const LoaderStatus status = Load(tree, &manifest);
  if (!status.ok()) {
    WritePort32(manifest.status_port, EncodeLoaderStatus(status));
    HaltForever();
  }
  const uint64_t offset = AddressOf(loader_scratch) - AddressOf(loader_image_start);
  auto* scratch = reinterpret_cast<Scratch*>(manifest.loader()->destination + offset);
  PrepareHandoff(manifest, offset, scratch);
  return &scratch->handoff;
}

}  // namespace sealvm::loader
