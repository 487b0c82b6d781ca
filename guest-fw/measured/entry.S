// SPDX-License-Identifier: Apache-2.0
// From the reset vector to C++ in long mode. No exception has a handler here or later: under SNP and
// TDX, what a guest may only do with its hypervisor's help (CPUID, port I/O, most MSRs) is asked for
// outright; what slips through ends the guest, by an IDT without entries: the one of reset would be
// read from memory that the hypervisor may have filled.

#include "guest-fw/measured/layout.h"

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define MSR_SEV_STATUS 0xc0010131
#define SEV_STATUS_SEV 0x1
#define SEV_STATUS_SNP 0x4
#define CPUID_AMD_ENCRYPTION 0x8000001f
#define AMD_ENCRYPTION_SEV 0x2
#define CR0_PE 0x1
#define CR0_PG 0x80000000
#define CR4_PAE 0x20

// Page table entries (Intel SDM vol. 3A section 4.5), with "accessed" and "dirty": what the processor
// would write.
#define TABLE_ENTRY 0x23
#define PAGE_ENTRY 0x63
#define LARGE_PAGE_ENTRY 0xe3

        .macro ENTER_LONG_MODE
        mov %cr0, %eax
        or $CR0_PG, %eax
        mov %eax, %cr0
        .endm

        // Both overwrite EAX alone: a TD's further processors have no stack.
        .macro USE_PAGE_TABLES
        mov $(PAGE_TABLES + PML4), %eax
        mov %eax, %cr3
        mov %cr4, %eax
        or $CR4_PAE, %eax
        mov %eax, %cr4
        .endm

        .section .text.entry, "ax"

// ---- Real mode: no TD. CS base is FIRMWARE_BASE.
        .code16
real_mode:
        cli
        cld
        data32 lgdt %cs:(gdt_pointer - FIRMWARE_BASE)
        mov %cr0, %eax
        or $CR0_PE, %al
        mov %eax, %cr0
        ljmpl $CODE32_SELECTOR, $after_real_mode

// What SEV-ES starts further processors with. Linux starts those of SNP guests itself.
        .globl ap_reset
ap_reset:
        cli
        hlt
        jmp ap_reset

        .code32
after_real_mode:
        lidt no_idt
        mov $DATA_SELECTOR, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss

        // SNP exactly if there is a CPUID page. A hypervisor that leaves it empty gets to the CPUID
        // instruction below, which no SNP guest survives; one that fills it elsewhere to the MSR.
        cmpl $0, CPUID_PAGE
        je not_snp
        mov $MSR_SEV_STATUS, %ecx
        rdmsr
        test $SEV_STATUS_SNP, %al
        jz refuse
        mov $KIND_SNP, %ebp
        mov $(1 << (SNP_C_BIT - 32)), %edx
        jmp build_tables

        // SEV without SNP has no integrity: a hypervisor could replace what was verified.
not_snp:
        mov $0x80000000, %eax
        cpuid
        cmp $CPUID_AMD_ENCRYPTION, %eax
        jb no_isolation
        mov $CPUID_AMD_ENCRYPTION, %eax
        cpuid
        test $AMD_ENCRYPTION_SEV, %al
        jz no_isolation
        mov $MSR_SEV_STATUS, %ecx
        rdmsr
        test $SEV_STATUS_SEV, %al
        jnz refuse
no_isolation:
        xor %ebp, %ebp
        xor %edx, %edx
        jmp build_tables

refuse:
        mov $PVPANIC_PORT, %dx
        mov $PVPANIC_PANICKED, %al
        out %al, %dx
1:      cli
        hlt
        jmp 1b

// ---- 32-bit protected mode: a TD. EBX = width of guest physical addresses, ESI = number of this
// vCPU (Intel TDX Virtual Firmware Design Guide 1.01 section 4.1).
        .globl tdx_start
tdx_start:
        cli
        cld
        lgdt gdt_pointer
        lidt no_idt
        ljmp $CODE32_SELECTOR, $1f
1:      mov $DATA_SELECTOR, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        test %esi, %esi
        jnz tdx_ap
        mov $KIND_TDX, %ebp
        xor %edx, %edx
        jmp build_tables

// Other processors of a TD wait in the measured image: the mailbox holds what the host put there until
// the first processor has cleared it.
tdx_ap: pause
        cmpl $0, ap_gate
        je tdx_ap
        USE_PAGE_TABLES
        ENTER_LONG_MODE
        ljmp $CODE64_SELECTOR, $ap_loop

        .code64
ap_loop:
        mov $MAILBOX_PAGE, %ebx
1:      pause
        cmpw $MAILBOX_WAKEUP, MAILBOX_COMMAND(%rbx)
        jne 1b
        cmp %esi, MAILBOX_APIC_ID(%rbx)
        jne 1b
        mov MAILBOX_VECTOR(%rbx), %rax
        // The command is acknowledged by clearing it; the vector is read before.
        movw $0, MAILBOX_COMMAND(%rbx)
        jmp *%rax

// ---- Page tables; EDX = upper half of every entry, EBP = kind.
        .code32
build_tables:
        mov $PAGE_TABLES, %edi
        mov $(PAGE_TABLES_SIZE / 4), %ecx
        xor %eax, %eax
        rep stosl

        movl $(PAGE_TABLES + PDPT + TABLE_ENTRY), PAGE_TABLES + PML4
        mov %edx, PAGE_TABLES + PML4 + 4
        // Five in a row: PD of four GiB, and HIGH_PD.
        mov $(PAGE_TABLES + PD + TABLE_ENTRY), %eax
        mov $(PAGE_TABLES + PDPT), %edi
        mov $5, %ecx
1:      mov %eax, (%edi)
        mov %edx, 4(%edi)
        add $0x1000, %eax
        add $8, %edi
        loop 1b

        mov $LARGE_PAGE_ENTRY, %eax
        mov $(PAGE_TABLES + PD), %edi
        mov $2048, %ecx
1:      mov %eax, (%edi)
        mov %edx, 4(%edi)
        add $0x200000, %eax
        add $8, %edi
        loop 1b

        movl $(PAGE_TABLES + LOW_PT + TABLE_ENTRY), PAGE_TABLES + PD
        mov $PAGE_ENTRY, %eax
        mov $(PAGE_TABLES + LOW_PT), %edi
        mov $512, %ecx
1:      mov %eax, (%edi)
        mov %edx, 4(%edi)
        add $0x1000, %eax
        add $8, %edi
        loop 1b

        USE_PAGE_TABLES
        // A TD's EFER has LME from the start, and must not be written.
        cmp $KIND_TDX, %ebp
        je 2f
        mov $MSR_EFER, %ecx
        rdmsr
        or $EFER_LME, %eax
        wrmsr
2:      ENTER_LONG_MODE
        ljmp $CODE64_SELECTOR, $main64

        .code64
main64: mov $DATA_SELECTOR, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
        mov $STACK_TOP, %esp
        mov %ebp, %edi
        mov %ebx, %esi
        xor %ebp, %ebp
        call SealvmMeasuredMain

// The last steps: void SealvmEnterKernel(uint64_t entry, uint64_t boot_params).
        .globl SealvmEnterKernel
SealvmEnterKernel:
        mov %rdi, %rax
        pushq $2
        popfq
        mov $0, %ebx
        mov $0, %ecx
        mov $0, %edx
        mov $0, %edi
        mov $0, %ebp
        mov $0, %r8d
        mov $0, %r9d
        mov $0, %r10d
        mov $0, %r11d
        mov $0, %r12d
        mov $0, %r13d
        mov $0, %r14d
        mov $0, %r15d
        jmp *%rax

        .section .rodata.gdt, "a", @progbits
        .balign 8
// Flat, and with "accessed" set: the processor would set it, and a ROM cannot change.
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        // CODE32_SELECTOR
        .quad 0x00af9b000000ffff        // CODE64_SELECTOR
        .quad 0x00cf93000000ffff        // DATA_SELECTOR
gdt_end:
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
        .long 0
no_idt:
        .word 0
        .long 0
        .long 0

// Set by the first processor of a TD. The image is RAM there.
        .section .rodata.gate, "a", @progbits
        .balign 4
        .globl ap_gate
        .hidden ap_gate
ap_gate:
        .long 0

// ---- The image's last 32 bytes: real mode and 32-bit protected mode read the same instructions.
        .section .reset, "ax", @progbits
        .code16
which_mode:
        smsw %ax
        test $CR0_PE, %al
        jz 1f
        .byte 0xe9                      // jmp of 32-bit code
        .long tdx_start - (. + 4)
1:      jmp real_mode
        .balign 16, 0xf4
reset_vector:
        jmp which_mode
        .balign 16, 0xf4

        .section .note.GNU-stack, "", @progbits
