// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_BOOT_PARAMS_H_
#define SEALVM_VMM_BOOT_BOOT_PARAMS_H_

#include <stdint.h>

#include <span>
#include <vector>

#include "memory/base/result.h"
#include "memory/guest_layout.h"
#include "vmm/boot/memory_map.h"

namespace sealvm {

// What a kernel without a setup header of its own (ELF) is promised: the protocol version whose
// fields are filled, and the longest command line of x86 kernels (COMMAND_LINE_SIZE less the NUL).
inline constexpr uint16_t kSynthesizedProtocol = 0x020f;
inline constexpr uint32_t kElfCmdlineSize = 2047;

struct BootParamsInputs {
  // From file offset 0x1f1 on, as BzImage holds it; empty: one is made up.
  std::span<const uint8_t> setup_header = {};
  Gpa kernel = 0;
  Gpa cmdline = 0;
  Gpa initrd = 0;
  uint64_t initrd_size = 0;  // bytes; 0: none
  Gpa rsdp = 0;              // 0: the kernel looks for it
  Gpa setup_data = 0;        // first node of the chain, 0: none
  std::span<const MemoryMapEntry> memory_map = {};
};

// The zero page, struct boot_params of <asm/bootparam.h>: kZeroPageSize bytes. kInvalidInput when
// the memory map has more entries than it can hold. Source: Linux Documentation/arch/x86/boot.rst
// and zero-page.rst.
Result<std::vector<uint8_t>> BuildBootParams(const BootParamsInputs& inputs);

// A node of the setup_data chain: `type` is one of SETUP_* of <asm/setup_data.h>, SETUP_DTB for
// example.
struct SetupDataItem {
  uint32_t type = 0;
  std::vector<uint8_t> bytes;
};

// The chain as bytes to be put at `base`, 8-byte aligned; its first node is at `base`.
std::vector<uint8_t> BuildSetupData(std::span<const SetupDataItem> items, Gpa base);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_BOOT_PARAMS_H_
