// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_LOADER_LAYOUT_H_
#define SEALVM_GUEST_FW_LOADER_LAYOUT_H_

// Numbers that the loader's assembly, C++ and link script share; hence macros.

// Where the Linux 64-bit boot protocol wants its segments (Documentation/arch/x86/boot.rst).
#define LOADER_CODE_SELECTOR 0x10
#define LOADER_DATA_SELECTOR 0x18

// Offsets in struct Handoff.
#define HANDOFF_HIGH_IMAGE 0
#define HANDOFF_ALIAS 8
#define HANDOFF_BRIDGE_CR3 16
#define HANDOFF_FINAL_CR3 24
#define HANDOFF_WINDOW 32
#define HANDOFF_WINDOW_QWORDS 40
#define HANDOFF_BOOT_PARAMS 48
#define HANDOFF_ENTRY 56
#define HANDOFF_STATUS_PORT 64
#define HANDOFF_GDT 72
#define HANDOFF_GDT_POINTER 112

#define HANDOFF_STATUS_DONE 0x5ea10000
#define PRIVATE_STACK_SIZE 256

#endif  // SEALVM_GUEST_FW_LOADER_LAYOUT_H_
