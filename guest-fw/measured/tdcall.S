// SPDX-License-Identifier: Apache-2.0
// void SealvmTdcall(TdcallRegisters*): loads all general registers but RSP and RBP, executes TDCALL
// (Intel TDX module ABI reference, "Guest-Side (TDCALL) Interface Functions"), stores them.

        .text
        .globl SealvmTdcall
        .type SealvmTdcall, @function
SealvmTdcall:
        push %rbx
        push %rbp
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rdi, %rbp
        mov 0(%rbp), %rax
        mov 8(%rbp), %rcx
        mov 16(%rbp), %rdx
        mov 24(%rbp), %rbx
        mov 32(%rbp), %rsi
        mov 40(%rbp), %rdi
        mov 48(%rbp), %r8
        mov 56(%rbp), %r9
        mov 64(%rbp), %r10
        mov 72(%rbp), %r11
        mov 80(%rbp), %r12
        mov 88(%rbp), %r13
        mov 96(%rbp), %r14
        mov 104(%rbp), %r15
        .byte 0x66, 0x0f, 0x01, 0xcc    // tdcall
        mov %rax, 0(%rbp)
        mov %rcx, 8(%rbp)
        mov %rdx, 16(%rbp)
        mov %rbx, 24(%rbp)
        mov %rsi, 32(%rbp)
        mov %rdi, 40(%rbp)
        mov %r8, 48(%rbp)
        mov %r9, 56(%rbp)
        mov %r10, 64(%rbp)
        mov %r11, 72(%rbp)
        mov %r12, 80(%rbp)
        mov %r13, 88(%rbp)
        mov %r14, 96(%rbp)
        mov %r15, 104(%rbp)
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbp
        pop %rbx
        ret
        .size SealvmTdcall, . - SealvmTdcall

        .section .note.GNU-stack, "", @progbits
