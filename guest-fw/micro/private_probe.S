// SPDX-License-Identifier: Apache-2.0
// The private-memory probe; its contract is in guest-fw/micro/private_probe_image.h. Position
// independent; no stack.

#include "guest-fw/micro/private_probe_layout.h"

        .macro announce step
        mov $\step, %al
        out %al, $PRIVATE_PROBE_PORT
        .endm

        .text
        .code64
        .globl _start
_start:
        announce PRIVATE_PROBE_STORE
        movabs $0x5ea1ed0123456789, %r10
        mov %r10, (%rdi)
        announce PRIVATE_PROBE_LOAD
        cmp %r10, (%rdi)
        jne wrong
        announce PRIVATE_PROBE_EXECUTE
        mov %rdi, %r8
        lea private_part(%rip), %rsi
        mov $private_part_end - private_part, %ecx
        cld
        rep movsb
        jmp *%r8
wrong:
        announce PRIVATE_PROBE_WRONG_VALUE
1:      hlt
        jmp 1b

// Executed from private memory. Each instruction here makes some CPU exit to KVM, which must go on
// without reading the instruction's bytes.
private_part:
        announce PRIVATE_PROBE_CPUID
        xor %eax, %eax
        xor %ecx, %ecx
        cpuid
        announce PRIVATE_PROBE_MSR
        mov $0xc0000080, %ecx                   // EFER: AMD APM vol. 2 section 3.1.7
        rdmsr
        announce PRIVATE_PROBE_CONTROL_REGISTER
        mov %cr4, %rax
        mov %rax, %cr4
        mov %cr3, %rax
        cmp %r9, %rax
        jne 2f
        announce PRIVATE_PROBE_HALT
        jmp 3f
2:      announce PRIVATE_PROBE_WRONG_VALUE
3:      hlt
        jmp 3b
private_part_end:

        .section .note.GNU-stack, "", @progbits
