// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_GUEST_FW_SEALED_LOADER_IMAGE_H_
#define SEALVM_GUEST_FW_SEALED_LOADER_IMAGE_H_

#include <stdint.h>

#include <span>

namespace sealvm {

// The sealed loader: what a guest with `--isolation sealed` runs first. It copies kernel, initrd
// and boot structures from the staging window into private memory, checks each copy's SHA-256,
// zeroes the window and enters the kernel. Flat position-independent code in whole pages; the last
// four are its zeroed scratch memory.
//
// C is the alias bit: a GPA with C is private memory. The tree and the status port's values are
// described in docs/sealed.md, "Hand-over"; constants are in guest-fw/loader/handover_schema.h.
//
// Entry state, on one vCPU:
// - the whole image at a page boundary in the window, and named in the tree as the payload with the
//   property `loader`;
// - CS: 64-bit code; CR0, EFER: long mode, CR0.EM = CR0.TS = 0; CR4: PAE and nothing else; IDT empty;
//   interrupts off;
// - CR3: page tables in the window that map VA to the same GPA, writable, for the window and for
// all
//   private memory in the tree (VA = C|x); the CPU has pages of 1 GiB;
// - RIP = the image's first byte; RDI = the hand-over tree, 4-byte aligned; RSP = the end of
//   kLoaderStackSize bytes. Tree, stack and page tables are in the window.
//
// It ends by one 32-bit OUT to the status port. After an error it halts for good. After kStatusDone
// the window has been zeroed and is not used any more; the VMM takes it away before it runs the
// vCPU on, and the kernel is entered by the 64-bit boot protocol (Linux
// Documentation/arch/x86/boot.rst): RIP = entry, RSI = boot_params, CR3 = page_tables, CS = 0x10,
// all other segments 0x18 in a GDT in the private copy of the loader, RFLAGS = 2, other registers
// 0. CR0, CR4, EFER, TR and IDT are as they were at the loader's entry.
//
// The bytes live as long as the program; 16-byte aligned. Thread-safe.
std::span<const uint8_t> SealedLoaderImage();

}  // namespace sealvm

#endif  // SEALVM_GUEST_FW_SEALED_LOADER_IMAGE_H_
