// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_MEASURED_LAYOUT_H_
#define SEALVM_GUEST_FW_MEASURED_LAYOUT_H_

// Numbers that the firmware's assembly, C++ and link script share; hence macros.

// The image ends at 4 GiB, where processors begin (Intel SDM vol. 3A section 10.1.4).
#define FIRMWARE_SIZE 0x10000
#define FIRMWARE_BASE 0xffff0000

// Guest physical addresses of what the firmware uses while it runs. All is below the video memory,
// so that neither kernel nor initrd can be there; the first 64 KiB stay free. What lies in
// [WORK_BASE, SHARED_BASE) is in the launch: SNP validates it and TDX adds it before the first
// instruction.
#define WORK_BASE 0x10000
#define PAGE_TABLES 0x10000
#define PAGE_TABLES_SIZE 0x8000
#define SECRETS_PAGE 0x18000
#define CPUID_PAGE 0x19000
#define HASHES_PAGE 0x1a000
#define TD_HOB 0x1b000
#define TD_HOB_SIZE 0x2000
#define MAILBOX_PAGE 0x1d000
#define CC_BLOB_PAGE 0x1e000
#define BOOT_PARAMS 0x1f000
#define CMDLINE 0x20000
#define CMDLINE_SIZE 0x10000
#define STACK_BASE 0x30000
#define STACK_TOP 0x38000
#define SCRATCH 0x38000
#define SCRATCH_SIZE 0x8000
// What host and guest share while the firmware runs: GHCB, DMA control block, data.
#define SHARED_BASE 0x40000
#define SHARED_END 0x80000

// As OVMF has it: the page holds the area for a launch secret, and then the hash table's.
#define SECRET_AREA_SIZE 0xc00
#define HASH_TABLE_AREA (HASHES_PAGE + SECRET_AREA_SIZE)
#define HASH_TABLE_AREA_SIZE 0x400

// Offsets in the page tables: the topmost, its first entry's, four of 1 GiB each in pages of 2 MiB,
// one for the window through which RAM above 4 GiB is seen, one of the first 2 MiB in pages of 4
// KiB.
#define PML4 0x0000
#define PDPT 0x1000
#define PD 0x2000
#define HIGH_PD 0x6000
#define LOW_PT 0x7000

// Where the Linux 64-bit boot protocol wants its segments (Documentation/arch/x86/boot.rst).
#define CODE32_SELECTOR 0x08
#define CODE64_SELECTOR 0x10
#define DATA_SELECTOR 0x18

// Who runs the guest, as the entry found out.
#define KIND_NONE 0
#define KIND_SNP 1
#define KIND_TDX 2

// The C-bit of every CPU that has SNP. A hypervisor that could say another one would choose where
// private memory ends (AMD APM vol. 2 section 15.34.1).
#define SNP_C_BIT 51

// pvpanic (QEMU docs/specs/pvpanic.rst).
#define PVPANIC_PORT 0x505
#define PVPANIC_PANICKED 1

// The ACPI multiprocessor wakeup mailbox (ACPI 6.5 section 5.2.12.19).
#define MAILBOX_COMMAND 0
#define MAILBOX_APIC_ID 4
#define MAILBOX_VECTOR 8
#define MAILBOX_WAKEUP 1

#endif  // SEALVM_GUEST_FW_MEASURED_LAYOUT_H_
