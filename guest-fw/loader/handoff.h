// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_HANDOFF_H_
#define SEALVM_GUEST_FW_LOADER_HANDOFF_H_

#include <stddef.h>
#include <stdint.h>

#include "guest-fw/loader/bridge_tables.h"
#include "guest-fw/loader/layout.h"
#include "guest-fw/loader/manifest.h"

namespace sealvm::loader {

inline constexpr size_t kGdtEntries = 5;

// Operand of LGDT (Intel SDM vol. 3A section 2.4.1).
struct [[gnu::packed]] DescriptorPointer {
  uint16_t limit;
  uint64_t base;
};

// What the last steps, in assembly and in private memory, need to know.
struct Handoff {
  uint64_t high_image;     // the private copy with C: where it runs first
  uint64_t alias;          // C
  uint64_t bridge_cr3;     // with C
  uint64_t final_cr3;      // with C
  uint64_t window;         // the window's virtual address under the bridge tables
  uint64_t window_qwords;  // its size in units of 8 bytes
  uint64_t boot_params;
  uint64_t entry;
  uint64_t status_port;
  uint64_t gdt[kGdtEntries];
  DescriptorPointer gdt_pointer;
};

static_assert(offsetof(Handoff, high_image) == HANDOFF_HIGH_IMAGE);
static_assert(offsetof(Handoff, alias) == HANDOFF_ALIAS);
static_assert(offsetof(Handoff, bridge_cr3) == HANDOFF_BRIDGE_CR3);
static_assert(offsetof(Handoff, final_cr3) == HANDOFF_FINAL_CR3);
static_assert(offsetof(Handoff, window) == HANDOFF_WINDOW);
static_assert(offsetof(Handoff, window_qwords) == HANDOFF_WINDOW_QWORDS);
static_assert(offsetof(Handoff, boot_params) == HANDOFF_BOOT_PARAMS);
static_assert(offsetof(Handoff, entry) == HANDOFF_ENTRY);
static_assert(offsetof(Handoff, status_port) == HANDOFF_STATUS_PORT);
static_assert(offsetof(Handoff, gdt) == HANDOFF_GDT);
static_assert(offsetof(Handoff, gdt_pointer) == HANDOFF_GDT_POINTER);
static_assert(HANDOFF_STATUS_DONE == kStatusDone);

// The zeroed pages at the end of the image. In the private copy they hold everything that the last
// steps need outside the window.
struct Scratch {
  BridgeTables tables;
  Handoff handoff;
};
static_assert(sizeof(Handoff) <= 4096 - PRIVATE_STACK_SIZE);

// Fills the private copy's scratch pages. `offset` is where they lie in the image; `scratch` is the
// private copy's, wherever it is mapped now. The manifest is checked.
void PrepareHandoff(const Manifest& manifest, uint64_t offset, Scratch* scratch);

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_HANDOFF_H_
