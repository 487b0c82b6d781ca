// SPDX-License-Identifier: Apache-2.0
// What the start-up benchmark boots: writes 'X' to the first serial port, then pulses the reset line
// through the keyboard controller. A PVH ELF file, because sealvm and QEMU's microvm both boot that. The
// instructions mean the same in 32-bit and 64-bit mode.
        .code32
        .section .text, "ax"
        .globl _start
_start:
        mov $'X', %al
        mov $0x3f8, %dx
        out %al, %dx
        mov $0xfe, %al
        out %al, $0x64
1:      hlt
        jmp 1b

// XEN_ELFNOTE_PHYS32_ENTRY: Xen xen/include/public/elfnote.h.
        .section .note.pvh, "a", @note
        .balign 4
        .long 4, 4, 18
        .asciz "Xen"
        .long _start

        .section .note.GNU-stack, "", @progbits
