# SPDX-License-Identifier: Apache-2.0
# Tiny guests for tests on a real KVM. Real mode, position independent within their segment; the
# fixture copies the bytes between name_begin and name_end to kCodeBase and starts them with CS:IP =
# 0:kCodeBase and all data segments 0, unless they say otherwise. Each shows one fact.

    .code16
    .section .rodata

.macro guest name
    .globl \name\()_begin
\name\()_begin:
.endm
.macro end_guest name
    .globl \name\()_end
\name\()_end:
.endm

# Writes 'A' to port 0x10, then a word and a dword, then halts.
guest port_out
    mov $0x10, %dx
    mov $'A', %al
    out %al, %dx
    mov $0x1234, %ax
    out %ax, %dx
    mov $0x89abcdef, %eax
    out %eax, %dx
    hlt
end_guest port_out

# Reads a byte, a word and a dword from port 0x20 into memory at 0x500.
guest port_in
    mov $0x20, %dx
    in %dx, %al
    mov %al, 0x500
    in %dx, %ax
    mov %ax, 0x502
    in %dx, %eax
    mov %eax, 0x504
    hlt
end_guest port_in

# Writes the five bytes at 0x500 to port 0x10 by one string instruction.
guest string_out
    cld
    mov $0x500, %si
    mov $5, %cx
    mov $0x10, %dx
    rep outsb
    hlt
end_guest string_out

# Writes a dword to GPA 0xa0004 and reads a byte from 0xa0009 into memory at 0x500.
guest mmio
    mov $0xa000, %ax
    mov %ax, %es
    movl $0xcafef00d, %es:4
    mov %es:9, %al
    mov %al, 0x500
    hlt
end_guest mmio

# Protected mode: an invalid opcode with an empty interrupt table is a triple fault. (Real mode would
# not do: software KVMs do not check the table's limit there.)
    .code32
guest triple_fault
    ud2
end_guest triple_fault
    .code16

# Again and again: takes a dword from port 0x20, stores it at GPA 0x80000 unless it is 0, and writes
# what is there to port 0x10.
guest memory_cell
    mov $0x8000, %ax
    mov %ax, %es
1:  mov $0x20, %dx
    in %dx, %eax
    test %eax, %eax
    jz 2f
    mov %eax, %es:0
2:  mov %es:0, %eax
    mov $0x10, %dx
    out %eax, %dx
    jmp 1b
end_guest memory_cell

guest spin
1:  jmp 1b
end_guest spin

# Leaf 1 of CPUID to port 0x10: EBX, then ECX.
guest cpuid_leaf1
    mov $1, %eax
    xor %ecx, %ecx
    cpuid
    mov $0x10, %dx
    mov %ebx, %eax
    out %eax, %dx
    mov %ecx, %eax
    out %eax, %dx
    hlt
end_guest cpuid_leaf1

# Waits for IRQ 4 of the PIC at vector 0x24; the handler writes 0x4a to port 0x10. Port 0x11 says
# that the guest is ready.
guest irq4
    call 1f
1:  pop %bx                     # the address of label 1
    lea (2f - 1b)(%bx), %ax
    mov %ax, 0x24 * 4
    movw $0, 0x24 * 4 + 2
    mov $0x11, %al              # ICW1: edge, cascade, ICW4
    out %al, $0x20
    mov $0x20, %al              # ICW2: vectors from 0x20
    out %al, $0x21
    mov $0x04, %al              # ICW3
    out %al, $0x21
    mov $0x01, %al              # ICW4: 8086 mode
    out %al, $0x21
    mov $0xef, %al              # all masked but IRQ 4
    out %al, $0x21
    mov $0x11, %dx
    out %al, %dx
    sti
3:  hlt
    jmp 3b
2:  mov $0x4a, %al
    mov $0x10, %dx
    out %al, %dx
    iret
end_guest irq4

# The boot CPU starts CPU 1 with INIT and SIPI by x2APIC (MSR 0x830) at vector 0x08, i.e. GPA 0x8000.
guest start_ap
    mov $0x830, %ecx
    mov $1, %edx
    mov $0x4500, %eax           # INIT, assert
    wrmsr
    mov $0x4608, %eax           # start-up IPI, vector 8
    wrmsr
1:  hlt
    jmp 1b
end_guest start_ap

# What CPU 1 runs at GPA 0x8000: its initial APIC id to port 0x10.
guest ap
    mov $1, %eax
    cpuid
    shr $24, %ebx
    mov %bl, %al
    mov $0x10, %dx
    out %al, %dx
1:  hlt
    jmp 1b
end_guest ap

    .section .note.GNU-stack, "", @progbits
