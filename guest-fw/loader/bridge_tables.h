// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_BRIDGE_TABLES_H_
#define SEALVM_GUEST_FW_LOADER_BRIDGE_TABLES_H_

#include <stddef.h>
#include <stdint.h>

#include "guest-fw/loader/manifest.h"

namespace sealvm::loader {

inline constexpr size_t kTableEntries = 512;
using PageTable = uint64_t[kTableEntries];

// Where the bridge tables map the window: virtual addresses that neither the VMM's first tables nor
// the final ones use.
inline constexpr uint64_t kWindowView = 0xffff'ff80'0000'0000;

// The page tables for the way from the VMM's first tables, which lie in the window, to the final
// ones. The three lie in private memory, so that the whole window can be zeroed. Under them
//   VA C|x      is private x: where the private copy runs under the first tables, x < 4 GiB;
//   VA x        is private x: where it runs under the final ones, x < 4 GiB;
//   kWindowView is the window, from its first GiB boundary on.
// Pages of 1 GiB (Intel SDM vol. 3A section 4.5).
struct BridgeTables {
  PageTable top;
  PageTable low;
  PageTable window;
};

// Fills zeroed tables that will lie at guest physical `address`, which includes C.
void BuildBridgeTables(const Manifest& manifest, uint64_t address, BridgeTables* tables);

// The virtual address of the window's first byte under them.
uint64_t WindowView(const Manifest& manifest);

}  // namespace sealvm::loader

#endif  // SEALVM_GUEST_FW_LOADER_BRIDGE_TABLES_H_
