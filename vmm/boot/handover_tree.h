// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_HANDOVER_TREE_H_
#define SEALVM_VMM_BOOT_HANDOVER_TREE_H_

#include <stdint.h>

#include <array>
#include <string>
#include <vector>

#include "guest-fw/loader/handover_schema.h"
#include "memory/base/result.h"
#include "memory/guest_layout.h"

namespace sealvm {

// A piece of the staging window that the sealed loader copies into private memory.
struct HandoverPayload {
  std::string name;     // for errors: "--kernel /boot/vmlinuz"; the guest does not get it
  Gpa source = 0;       // in the window
  Gpa destination = 0;  // without C
  uint64_t length = 0;  // bytes
  std::array<uint8_t, 32> sha256 = {};
  bool is_loader = false;  // exactly one
};

// What the VMM tells the sealed loader. Addresses are without C; the builder adds it where the
// loader wants it. See docs/sealed.md, "Hand-over".
struct Handover {
  std::vector<RamRange> ram;  // where payloads may go; backing_offset does not matter
  unsigned c_bit = 0;
  uint32_t cpus = 0;
  Gpa window_base = 0;
  uint64_t window_size = 0;  // bytes
  std::vector<HandoverPayload> payloads;
  Gpa entry = 0;
  Gpa boot_params = 0;
  Gpa page_tables = 0;
  uint16_t status_port = kDefaultStatusPort;
};

// The hand-over tree, a flattened device tree of at most kMaxHandoverTreeSize bytes. The same
// hand-over gives the same bytes. It is the loader that checks addresses and sizes; an error here
// (kHost) means what a tree cannot say: too many ranges or payloads, or a C-bit out of range.
Result<std::vector<uint8_t>> BuildHandoverTree(const Handover& handover);

// What of it concerns the kernel, for SETUP_DTB: kernels with CONFIG_OF show it in
// /proc/device-tree. It is a payload itself, so nothing is in it that is known only once all
// payloads are: RAM, C-bit, vCPUs, and the command line in /chosen.
Result<std::vector<uint8_t>> BuildKernelTree(const Handover& handover, const std::string& cmdline);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_HANDOVER_TREE_H_
