// SPDX-License-Identifier: Apache-2.0
// The diagnostic guest's assembly: entry, exception stubs, the way down to ring 3 and back, and
// where the other vCPUs start.

#include "guest-fw/diag/layout.h"

        .section .text.entry, "ax"
        .code64
// Entered like a Linux 64-bit kernel (Documentation/arch/x86/boot.rst, "64-bit boot protocol"):
// long mode, interrupts off, the image and the zero page identity mapped, RSI = zero page.
        .globl DiagEntry
DiagEntry:
        cli
        cld
        rdtsc
        shl $32, %rdx
        or %rdx, %rax
        mov %rax, %rdx
        lea supervisor_stack_top(%rip), %rsp
        xor %ebp, %ebp
        mov %rsi, %rdi
        mov %rdx, %rsi
        call StartSupervisor
1:      hlt
        jmp 1b

        .text
// void LoadDescriptorTables(const DescriptorPointer* gdt, const DescriptorPointer* idt)
        .globl LoadDescriptorTables
LoadDescriptorTables:
        lgdt (%rdi)
        lidt (%rsi)
        mov $KERNEL_DATA_SELECTOR, %eax
        mov %eax, %ss
        mov %eax, %ds
        mov %eax, %es
        pushq $KERNEL_CODE_SELECTOR
        lea 1f(%rip), %rax
        push %rax
        lretq
1:      mov $TASK_STATE_SELECTOR, %eax
        ltr %ax
        ret

// [[noreturn]] void EnterRing3(void (*function)())
        .globl EnterRing3
EnterRing3:
        mov $USER_DATA_SELECTOR, %eax
        mov %eax, %ds
        mov %eax, %es
        pushq $USER_DATA_SELECTOR
        lea user_stack_top - 8(%rip), %rax
        push %rax
        pushq $RFLAGS_RESERVED
        pushq $USER_CODE_SELECTOR
        push %rdi
        iretq

// uint64_t EnterSupervisor(uint64_t (*function)(uint64_t), uint64_t argument)
// An invalid-opcode exception at this very address is a call to ring 0. Every x86-64 delivers it,
// KVM without hardware virtualization too, which has neither SYSCALL nor INT n for such a guest.
        .globl EnterSupervisor, EnterSupervisorGate
EnterSupervisor:
EnterSupervisorGate:
        ud2
        ret

// bool ReadMsrOrFault(uint32_t msr, uint64_t* value): a fault at the labelled instruction makes the
// handler continue at ReadMsrFault.
        .globl ReadMsrOrFault, ReadMsrInstruction, ReadMsrFault
ReadMsrOrFault:
        mov %edi, %ecx
ReadMsrInstruction:
        rdmsr
        shl $32, %rdx
        or %rdx, %rax
        mov %rax, (%rsi)
        mov $1, %eax
        ret
ReadMsrFault:
        xor %eax, %eax
        ret

// [[noreturn]] void TripleFault()
        .globl TripleFault
TripleFault:
        lidt empty_descriptor_pointer(%rip)
        ud2

// One 16-byte stub for each exception. Vectors 8, 10-14, 17, 21, 29 and 30 push an error code
// themselves (AMD64 APM vol. 2 section 8.2).
        .balign 16
        .globl exception_stubs
exception_stubs:
        .set vector, 0
        .rept EXCEPTION_COUNT
        .balign 16
        .if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30
        .else
        pushq $0
        .endif
        pushq $vector
        jmp exception_common
        .set vector, vector + 1
        .endr

        .balign 16
exception_common:
        push %rax
        push %rbx
        push %rcx
        push %rdx
        push %rsi
        push %rdi
        push %rbp
        push %r8
        push %r9
        push %r10
        push %r11
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, %rdi
        cld
        call HandleException
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rbp
        pop %rdi
        pop %rsi
        pop %rdx
        pop %rcx
        pop %rbx
        pop %rax
        add $16, %rsp
        iretq

// Where the other vCPUs land in long mode: they set their bit in ap_online and stop for good.
        .globl ApLongMode
ApLongMode:
        mov ap_cr3(%rip), %rax
        mov %rax, %cr3
        mov $1, %eax
        cpuid
        mov %ebx, %edi
        shr $24, %edi
        bt $21, %ecx
        jnc 1f
        mov $APIC_BASE_MSR, %ecx
        rdmsr
        bts $10, %eax
        wrmsr
        mov $X2APIC_ID_MSR, %ecx
        rdmsr
        mov %eax, %edi
1:      cmp $MAX_APIC_IDS, %edi
        jae 2f
        lock btsl %edi, ap_online(%rip)
2:      cli
        hlt
        jmp 2b

        .section .rodata
        .balign 8
empty_descriptor_pointer:
        .word 0
        .quad 0

// Copied to a page below 1 MiB. Real mode to long mode in one step: nothing in 32-bit mode is
// needed. CS is the page's segment, so addresses are relative to the trampoline.
        .balign 16
        .globl ap_trampoline, ap_trampoline_end, ap_trampoline_fields
ap_trampoline:
        .code16
        cli
        mov %cs, %ax
        mov %ax, %ds
        lgdtl trampoline_gdt_pointer - ap_trampoline
        mov trampoline_cr3 - ap_trampoline, %eax
        mov %eax, %cr3
        mov $CR4_PAE, %eax
        mov %eax, %cr4
        mov $EFER_MSR, %ecx
        xor %edx, %edx
        mov $EFER_LME, %eax
        wrmsr
        mov $CR0_LONG_MODE, %eax
        mov %eax, %cr0
        ljmpl *(trampoline_target - ap_trampoline)
        .balign 8
ap_trampoline_fields:
trampoline_cr3:
        .long 0
trampoline_target:
        .long 0
        .word KERNEL_CODE_SELECTOR
trampoline_gdt_pointer:
        .word 0
        .long 0
ap_trampoline_end:
        .code64

        .section .bss
        .balign 16
        .skip SUPERVISOR_STACK_SIZE
supervisor_stack_top:
        .globl supervisor_stack_top
        .skip FAULT_STACK_SIZE
fault_stack_top:
        .globl fault_stack_top
        .skip USER_STACK_SIZE
user_stack_top:
        .globl ap_online, ap_cr3
        .balign 64
ap_online:
        .skip MAX_APIC_IDS / 8
ap_cr3:
        .skip 8

        .section .note.GNU-stack, "", @progbits
