# SPDX-License-Identifier: Apache-2.0
# The guest of private_guest.cc. `loader` runs in ordinary memory and copies `image` to kPrivateBase,
# which nobody but the guest can read; the image is the first page of code and what follows it. It
# reports by OUT of EAX to port 0x10, one value for each step that private_guest.cc lists.
# Linked nowhere: it must be position independent.

    .code64
    .section .rodata

.set kVector, 0x20
.set kPage, 4096
.set kCr4OsXsave, 1 << 18
.set kMsrPat, 0x277

.macro report
    out %eax, $0x10
.endm

# Counts the calls in R15.
.macro count_interrupt
    inc %r15
    iretq
.endm

# RSI, RDI: from, to. RCX: quadwords. RDX: where to go on. RSP: the end of an ordinary page that has
# not been touched, R11: of a private one.
    .globl loader_begin, loader_handler, loader_end
loader_begin:
    xor %r15, %r15                      # interrupt: its stack is not there yet, so that KVM has to
    int $kVector                        # begin it anew, with the address to return to
    mov %r15, %rax
    report
    mov %r11, %rsp
    cld
    rep movsq
    jmp *%rdx
loader_handler:
    count_interrupt
loader_end:

# R8: tables of its own: four pages for paging, GDT, IDT. R9: a page in ordinary memory. R10: an
# address without memory. RSP: the end of a private page, the next is untouched.
    .globl image_begin, image_handler, image_end
    .balign 4096
image_begin:
    mov $1, %eax                        # alive
    report

    mov %r8, %cr3                       # cr3
    mov %cr3, %rax
    report

    mov %cr0, %rbx                      # cr0-write-and-read: KVM hides this bit from the hardware,
    mov %rbx, %r11                      # so from here on it intercepts reads of CR0 and all writes
    bts $30, %r11
    mov %r11, %cr0
    mov %cr0, %r12
    mov %r12, %rax
    shr $30, %rax
    and $1, %eax
    report

    mov %cr3, %r13                      # cr3-while-cr0-is-intercepted
    mov %r13, %rax
    report

    mov %rbx, %cr0                      # cr0-back
    mov %cr0, %rax
    cmp %rax, %rbx
    sete %al
    movzbl %al, %eax
    report

    mov %cr4, %r14                      # cr4-write-and-read
    or $kCr4OsXsave, %r14
    mov %r14, %cr4
    mov %cr4, %r15
    mov %r15, %rax
    and $kCr4OsXsave, %eax
    report

    xor %ecx, %ecx                      # xsetbv
    xor %edx, %edx
    mov $3, %eax
    xsetbv
    xor %eax, %eax
    xgetbv
    report

    mov $0x12345678, %r11               # dr0-write-and-read
    mov %r11, %db0
    xor %eax, %eax
    mov %db0, %rax
    report

    mov $0x40000200, %eax               # cpuid
    cpuid
    report

    mov $kMsrPat, %ecx                  # msr-write-and-read
    mov $0x00070406, %eax
    mov $0x00000406, %edx
    wrmsr
    xor %edx, %edx
    rdmsr
    mov %edx, %eax
    report

    mov $0x7fff, %eax                   # vmmcall: no such hypercall
    vmmcall
    report

    wbinvd                              # wbinvd-and-invlpg
    invlpg (%rsp)
    mov $2, %eax
    report

    in $0x11, %eax                      # in
    report

    push $0x55                          # private-store
    pop %rax
    report

    movl $0x600d, (%r9)                 # ordinary-store: seen from outside
    mov $3, %eax
    report

    sub $16, %rsp                       # private-interrupt: KVM cannot read the INT
    movw $kPage - 1, (%rsp)
    lea 4 * kPage(%r8), %rax
    mov %rax, 2(%rsp)
    lgdt (%rsp)
    movw $16 * kVector + 15, (%rsp)
    add $kPage, %rax
    mov %rax, 2(%rsp)
    lidt (%rsp)
    lea 16 + kPage(%rsp), %rsp
    xor %r15, %r15
    int $kVector
    mov %r15, %rax
    report

    lea second_page(%rip), %rax         # another-page
    jmp *%rax

    .balign 4096
second_page:
    mov $4, %eax
    report

    hlt                                 # hlt
    mov $5, %eax                        # after-hlt
    report

    movl $0x77, (%r10)                  # an MMIO access, which KVM has to decode
    mov $6, %eax
    report
    hlt
image_handler:
    count_interrupt
    .balign 4096
image_end:

    .section .note.GNU-stack, "", @progbits
