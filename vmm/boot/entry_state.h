// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_BOOT_ENTRY_STATE_H_
#define SEALVM_VMM_BOOT_ENTRY_STATE_H_

#include <stdint.h>

#include <string_view>

#include "memory/guest_layout.h"
#include "vmm/boot/boot_layout.h"

namespace sealvm {

// How a kernel is entered.
enum class BootProtocol {
  kLinux64,  // 64-bit boot protocol: long mode, RSI = boot_params
  kPvh32,    // Xen PVH: 32-bit protected mode without paging, EBX = hvm_start_info
};

// "linux64", "pvh".
std::string_view BootProtocolName(BootProtocol protocol);

// A segment register with its hidden part; the fields are those of struct kvm_segment.
struct SegmentState {
  uint64_t base = 0;
  uint32_t limit = 0;  // bytes, granularity applied
  uint16_t selector = 0;
  uint8_t type = 0;
  uint8_t present = 0;
  uint8_t dpl = 0;
  uint8_t db = 0;
  uint8_t s = 0;
  uint8_t l = 0;
  uint8_t g = 0;
};

// The registers of the first vCPU at the kernel's entry; those not named are zero. Plain data: the
// machine sets it by ioctl, a measured launch puts it into a VMSA.
struct EntryState {
  BootProtocol protocol = BootProtocol::kLinux64;
  uint64_t rip = 0;
  uint64_t rsi = 0;
  uint64_t rbx = 0;
  uint64_t rdi = 0;
  uint64_t rsp = 0;
  uint64_t rflags = 0;
  uint64_t cr0 = 0;
  uint64_t cr3 = 0;
  uint64_t cr4 = 0;
  uint64_t efer = 0;
  SegmentState code;
  SegmentState data;  // DS, ES, SS, FS, GS
  SegmentState task;
  uint64_t gdt_base = 0;
  uint16_t gdt_limit = 0;
};

// The state that the 64-bit boot protocol asks for: flat segments, paging through the tables at
// layout.page_tables, interrupts off. `encryption_mask` is or-ed into CR3.
EntryState MakeLinux64Entry(const BootLayout& layout, Gpa entry, uint64_t encryption_mask);

// The state that Xen docs/misc/pvh.pandoc asks for.
EntryState MakePvhEntry(const BootLayout& layout, Gpa entry);

}  // namespace sealvm

#endif  // SEALVM_VMM_BOOT_ENTRY_STATE_H_
