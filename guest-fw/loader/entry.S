// SPDX-License-Identifier: Apache-2.0
// The sealed loader's entry and its last steps. The contract is in guest-fw/sealed_loader_image.h.

#include "guest-fw/loader/layout.h"

        .section .text.entry, "ax"
        .code64
        .globl SealvmLoaderEntry
// In the window, on the VMM's page tables and stack; RDI = the hand-over tree.
SealvmLoaderEntry:
        cli
        cld
        xor %ebp, %ebp
        and $-16, %rsp
        call SealvmLoaderMain
        mov %rax, %rbx

        // To the private copy, VA = C|x, still on the VMM's tables.
        lea 1f(%rip), %rax
        lea loader_image_start(%rip), %rcx
        sub %rcx, %rax
        add HANDOFF_HIGH_IMAGE(%rbx), %rax
        jmp *%rax

        // From here on nothing of the window is needed, once the tables are the private ones.
1:      mov HANDOFF_BRIDGE_CR3(%rbx), %rax
        mov %rax, %cr3

        // To VA = x, where the final tables have the private copy.
        mov HANDOFF_ALIAS(%rbx), %rdx
        sub %rdx, %rbx
        lgdt HANDOFF_GDT_POINTER(%rbx)
        lea private_stack_top(%rip), %rsp
        sub %rdx, %rsp
        lea 2f(%rip), %rax
        sub %rdx, %rax
        pushq $LOADER_CODE_SELECTOR
        push %rax
        lretq
2:      mov $LOADER_DATA_SELECTOR, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs

        mov HANDOFF_WINDOW(%rbx), %rdi
        mov HANDOFF_WINDOW_QWORDS(%rbx), %rcx
        xor %eax, %eax
        rep stosq

        mov HANDOFF_FINAL_CR3(%rbx), %rax
        mov %rax, %cr3
        mov HANDOFF_STATUS_PORT(%rbx), %edx
        mov $HANDOFF_STATUS_DONE, %eax
        out %eax, %dx

        // The kernel's state. Flags first: MOV leaves them alone.
        mov HANDOFF_BOOT_PARAMS(%rbx), %rsi
        pushq $2
        popfq
        mov $0, %eax
        mov $0, %ebx
        mov $0, %ecx
        mov $0, %edx
        mov $0, %edi
        mov $0, %ebp
        mov $0, %esp
        mov $0, %r8d
        mov $0, %r9d
        mov $0, %r10d
        mov $0, %r11d
        mov $0, %r12d
        mov $0, %r13d
        mov $0, %r14d
        mov $0, %r15d
        jmp *loader_handoff + HANDOFF_ENTRY(%rip)

        .section .scratch, "aw", @progbits
        .globl loader_scratch
        .hidden loader_scratch
loader_scratch:
        .fill 3 * 4096, 1, 0  // BridgeTables
loader_handoff:
        .fill 4096 - PRIVATE_STACK_SIZE, 1, 0
        .fill PRIVATE_STACK_SIZE, 1, 0
private_stack_top:

        .section .note.GNU-stack, "", @progbits
