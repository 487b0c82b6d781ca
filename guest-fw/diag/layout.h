// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_LAYOUT_H_
#define SEALVM_GUEST_FW_DIAG_LAYOUT_H_

// Numbers that the diagnostic guest's assembly and C++ share; hence macros.

// GDT: code and data where the Linux boot protocol wants them (__BOOT_CS, __BOOT_DS).
#define KERNEL_CODE_SELECTOR 0x10
#define KERNEL_DATA_SELECTOR 0x18
#define USER_DATA_SELECTOR (0x20 | 3)
#define USER_CODE_SELECTOR (0x28 | 3)
#define TASK_STATE_SELECTOR 0x30

#define EXCEPTION_COUNT 32
#define RFLAGS_RESERVED 0x2

#define SUPERVISOR_STACK_SIZE 8192
#define FAULT_STACK_SIZE 4096
#define USER_STACK_SIZE 8192

// Bits in the bitmap of vCPUs that answered: one for each APIC id.
#define MAX_APIC_IDS 4096

// AMD64 APM vol. 2 appendix A and section 3.1; Intel SDM vol. 4 section 2.1.
#define EFER_MSR 0xc0000080
#define EFER_LME 0x100
#define CR4_PAE 0x20
#define CR0_LONG_MODE 0x80000011 /* PG, ET, PE */
#define APIC_BASE_MSR 0x1b
#define X2APIC_ID_MSR 0x802

#endif  // SEALVM_GUEST_FW_DIAG_LAYOUT_H_
