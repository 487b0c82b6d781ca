// SPDX-License-Identifier: Apache-2.0
// What the image tells a VMM and measuring tools, in OVMF's form (edk2
// OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm, X64/OvmfSevMetadata.asm, X64/IntelTdxMetadata.asm).

#include "guest-fw/measured/layout.h"

// Of a place in this file: bytes before the image's end.
#define DISTANCE(place) (table_end - (place) + 0x20)

// The first three groups of a GUID's text are little-endian numbers, the rest bytes in order.
        .macro GUID a, b, c, d0, d1, d2, d3, d4, d5, d6, d7
        .long \a
        .short \b, \c
        .byte \d0, \d1, \d2, \d3, \d4, \d5, \d6, \d7
        .endm

// Page types of SEV's metadata.
#define SEV_SEC_MEM 1
#define SEV_SECRETS 2
#define SEV_CPUID 3
#define SEV_KERNEL_HASHES 16

// Section types and attributes of TDX's (Intel TDX Virtual Firmware Design Guide 1.01 section 11).
#define TDX_BFV 0
#define TDX_TD_HOB 2
#define TDX_TEMP_MEM 3
#define TDX_EXTEND_MR 1

        .section .metadata, "a", @progbits
        .balign 16
sev_metadata:
        .ascii "ASEV"
        .long sev_metadata_end - sev_metadata
        .long 1
        .long (sev_metadata_end - sev_sections) / 12
sev_sections:
        .long WORK_BASE, SECRETS_PAGE - WORK_BASE, SEV_SEC_MEM
        .long SECRETS_PAGE, 0x1000, SEV_SECRETS
        .long CPUID_PAGE, 0x1000, SEV_CPUID
        .long HASHES_PAGE, 0x1000, SEV_KERNEL_HASHES
        .long TD_HOB, SHARED_BASE - TD_HOB, SEV_SEC_MEM
sev_metadata_end:

        .balign 16
        GUID 0xe9eaf9f3, 0x168e, 0x44d5, 0xa8, 0xeb, 0x7f, 0x4d, 0x87, 0x38, 0xf6, 0xae
tdx_metadata:
        .ascii "TDVF"
        .long tdx_metadata_end - tdx_metadata
        .long 1
        .long (tdx_metadata_end - tdx_sections) / 32
tdx_sections:
        .long 0, FIRMWARE_SIZE
        .quad FIRMWARE_BASE, FIRMWARE_SIZE
        .long TDX_BFV, TDX_EXTEND_MR
        .long 0, 0
        .quad WORK_BASE, TD_HOB - WORK_BASE
        .long TDX_TEMP_MEM, 0
        .long 0, 0
        .quad TD_HOB, TD_HOB_SIZE
        .long TDX_TD_HOB, 0
        .long 0, 0
        .quad MAILBOX_PAGE, SHARED_BASE - MAILBOX_PAGE
        .long TDX_TEMP_MEM, 0
tdx_metadata_end:

// The table is read from its end: data, u16 length of the entry, GUID.
table:
// The page in the image that holds the kernel hash table of a TD; see guest-fw/README.md. u32 distance
// from the image's end, u32 size.
        .long kernel_hashes_distance, 0x1000
        .short 26
        GUID 0x5c63ee5a, 0x4d4b, 0x4b0e, 0x9d, 0x2e, 0x0e, 0x64, 0x1f, 0x5b, 0x87, 0xc1
// TDX metadata.
        .long DISTANCE(tdx_metadata)
        .short 22
        GUID 0xe47a6535, 0x984a, 0x4798, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2
// SEV metadata.
        .long DISTANCE(sev_metadata)
        .short 22
        GUID 0xdc886566, 0x984a, 0x4798, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc
// Kernel hash table area.
        .long HASH_TABLE_AREA, HASH_TABLE_AREA_SIZE
        .short 26
        GUID 0x7255371f, 0x3a3b, 0x4b04, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54
// Launch secret area.
        .long HASHES_PAGE, SECRET_AREA_SIZE
        .short 26
        GUID 0x4c2eb361, 0x7d9b, 0x4cc3, 0x80, 0x81, 0x12, 0x7c, 0x90, 0xd3, 0xd2, 0x94
// Where SEV-ES starts further processors: RIP in the low half, CS base in the high one.
        .long ap_reset
        .short 22
        GUID 0x00f771de, 0x1a7e, 0x4fcb, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e
// Footer.
        .short table_end - table
        GUID 0x96b582de, 0x1fb2, 0x45f7, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d
table_end:

        .section .hashes, "a", @progbits
        .balign 4096
        .globl kernel_hashes
        .hidden kernel_hashes
kernel_hashes:
        .fill 4096, 1, 0

        .section .note.GNU-stack, "", @progbits
