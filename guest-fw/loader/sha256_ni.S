// SPDX-License-Identifier: Apache-2.0
// SHA-256's compression function with the SHA extensions (Intel SDM vol. 2, SHA256RNDS2,
// SHA256MSG1, SHA256MSG2). Assembly, because the loader's compiler must not use SSE anywhere else.

// The instructions want the working variables as two registers, highest word first: A B E F and
// C D G H. In memory they lie A B C D, E F G H, lowest first.
#define ABEF %xmm1
#define CDGH %xmm2
#define SWAP %xmm7
#define SAVED_ABEF %xmm8
#define SAVED_CDGH %xmm9

// Lane choices of SHUFPS that turn one layout into the other, both ways.
#define UPPER_PAIRS 0xbb /* 3, 2, 3, 2 */
#define LOWER_PAIRS 0x11 /* 1, 0, 1, 0 */

        .section .rodata.sha256, "a", @progbits
        .balign 16
byte_swap:
        .byte 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12

        .text
        .hidden kSealvmSha256Constants

// Four words of the message into \reg.
        .macro LOAD_WORDS quad, reg
        movdqu (16 * \quad)(%rsi), \reg
        pshufb SWAP, \reg
        .endm

// W[t .. t+3] into \w0, from \w0 = W[t-16 ..], \w1 = W[t-12 ..], \w2 = W[t-8 ..], \w3 = W[t-4 ..].
        .macro SCHEDULE w0, w1, w2, w3
        sha256msg1 \w1, \w0
        movdqa \w3, %xmm0
        palignr $4, \w2, %xmm0
        paddd %xmm0, \w0
        sha256msg2 \w3, \w0
        .endm

// Rounds 4 * \quad and the three after it. Each instruction does two and swaps the registers' roles.
        .macro FOUR_ROUNDS quad, w
        movdqa (16 * \quad)(%rcx), %xmm0
        paddd \w, %xmm0
        sha256rnds2 %xmm0, ABEF, CDGH
        pshufd $0x0e, %xmm0, %xmm0
        sha256rnds2 %xmm0, CDGH, ABEF
        .endm

// void SealvmSha256BlocksShaNi(uint32_t* state, const uint8_t* data, size_t count)
        .globl SealvmSha256BlocksShaNi
        .type SealvmSha256BlocksShaNi, @function
SealvmSha256BlocksShaNi:
        test %rdx, %rdx
        jz 2f
        lea kSealvmSha256Constants(%rip), %rcx
        movdqa byte_swap(%rip), SWAP
        movdqa (%rdi), %xmm0
        movdqa 16(%rdi), ABEF
        movdqa ABEF, CDGH
        shufps $LOWER_PAIRS, %xmm0, ABEF
        shufps $UPPER_PAIRS, %xmm0, CDGH

        .balign 16
1:      movdqa ABEF, SAVED_ABEF
        movdqa CDGH, SAVED_CDGH
        LOAD_WORDS 0, %xmm3
        FOUR_ROUNDS 0, %xmm3
        LOAD_WORDS 1, %xmm4
        FOUR_ROUNDS 1, %xmm4
        LOAD_WORDS 2, %xmm5
        FOUR_ROUNDS 2, %xmm5
        LOAD_WORDS 3, %xmm6
        FOUR_ROUNDS 3, %xmm6
        .irp quad, 4, 8, 12
        SCHEDULE %xmm3, %xmm4, %xmm5, %xmm6
        FOUR_ROUNDS \quad, %xmm3
        SCHEDULE %xmm4, %xmm5, %xmm6, %xmm3
        FOUR_ROUNDS (\quad+1), %xmm4
        SCHEDULE %xmm5, %xmm6, %xmm3, %xmm4
        FOUR_ROUNDS (\quad+2), %xmm5
        SCHEDULE %xmm6, %xmm3, %xmm4, %xmm5
        FOUR_ROUNDS (\quad+3), %xmm6
        .endr
        paddd SAVED_ABEF, ABEF
        paddd SAVED_CDGH, CDGH
        add $64, %rsi
        dec %rdx
        jnz 1b

        movdqa ABEF, %xmm0
        shufps $UPPER_PAIRS, CDGH, %xmm0
        shufps $LOWER_PAIRS, CDGH, ABEF
        movdqa %xmm0, (%rdi)
        movdqa ABEF, 16(%rdi)
2:      ret
        .size SealvmSha256BlocksShaNi, . - SealvmSha256BlocksShaNi

// void SealvmClearSseRegisters()
        .globl SealvmClearSseRegisters
        .type SealvmClearSseRegisters, @function
SealvmClearSseRegisters:
        .irp reg, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        pxor %xmm\reg, %xmm\reg
        .endr
        ret
        .size SealvmClearSseRegisters, . - SealvmClearSseRegisters

        .section .note.GNU-stack, "", @progbits
