// SPDX-License-Identifier: Apache-2.0
// The speed probe; its contract is in guest-fw/speed_probe_image.h. Position independent; no stack, no
// memory but its own code.

#include "guest-fw/speed_probe_layout.h"

        .text
        .code64
        .globl _start
_start:
        mov $SPEED_PROBE_STARTED, %al
        out %al, $SPEED_PROBE_PORT
1:      dec %rcx
        jnz 1b
        mov $SPEED_PROBE_FINISHED, %al
        out %al, $SPEED_PROBE_PORT
2:      hlt
        jmp 2b

        .section .note.GNU-stack, "", @progbits
