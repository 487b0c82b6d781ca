// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/loader/handoff.h"

namespace sealvm::loader {
namespace {

// Flat segments, marked as accessed so that the CPU need not write to them (Intel SDM vol. 3A
// section 3.4.5).
constexpr uint64_t kFlatCode64 = 0x00af'9b00'0000'ffff;
constexpr uint64_t kFlatData = 0x00cf'9300'0000'ffff;

}  // namespace

void PrepareHandoff(const Manifest& manifest, uint64_t offset, Scratch* scratch) {
  const uint64_t image = manifest.loader()->destination;
  const uint64_t tables = image + offset + offsetof(Scratch, tables);
  BuildBridgeTables(manifest, tables, &scratch->tables);
  Handoff& handoff = scratch->handoff;
  handoff.high_image = image;
  handoff.alias = manifest.c_mask();
  handoff.bridge_cr3 = tables;
  handoff.final_cr3 = manifest.page_tables;
  handoff.window = WindowView(manifest);
  handoff.window_qwords = manifest.window.size / sizeof(uint64_t);
  handoff.boot_params = manifest.boot_params;
  handoff.entry = manifest.entry;
  handoff.status_port = manifest.status_port;
  handoff.gdt[LOADER_CODE_SELECTOR / 8] = kFlatCode64;
  handoff.gdt[LOADER_DATA_SELECTOR / 8] = kFlatData;
  // Below 4 GiB, where it stays under the final tables.
  const uint64_t gdt = image + offset + offsetof(Scratch, handoff) + offsetof(Handoff, gdt);
  handoff.gdt_pointer = {.limit = sizeof(handoff.gdt) - 1, .base = gdt & ~manifest.c_mask()};
}

}  // namespace sealvm::loader
