// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_DIAG_IMAGE_H_
#define SEALVM_GUEST_FW_DIAG_IMAGE_H_

#include <stdint.h>

#include <span>

namespace sealvm {

// The built-in diagnostic guest: a static ELF64 file with one PT_LOAD segment, physical = virtual,
// from 0x160000 on, under 256 KiB in memory: in the second MiB, above what the VMM of a sealed
// guest puts at its beginning. It is entered like a vmlinux by the Linux 64-bit boot protocol
// (Documentation/arch/x86/boot.rst): RIP = e_entry, RSI = zero page, long mode, the image, the zero
// page and the command line identity mapped. From the zero page it uses e820_table, cmd_line_ptr
// and acpi_rsdp_addr; its command line's words are listed in guest-fw/README.md. 2 MiB of RAM
// suffice.
//
// The bytes live as long as the program; 16-byte aligned. Thread-safe.
std::span<const uint8_t> DiagnosticGuestImage();

}  // namespace sealvm

#endif  // SEALVM_GUEST_FW_DIAG_IMAGE_H_
