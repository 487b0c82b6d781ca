// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_SEALED_LAUNCH_H_
#define SEALVM_VMM_MACHINE_SEALED_LAUNCH_H_

#include <memory>
#include <string_view>

#include "memory/base/logger.h"
#include "vmm/api/config.h"
#include "vmm/api/machine.h"
#include "vmm/boot/linux_loader.h"
#include "vmm/isolation/sealed/sealed_cpuid.h"
#include "vmm/isolation/sealed/sealed_guest.h"
#include "vmm/kvm/system.h"

namespace sealvm {

// The steps by which a machine with `--isolation sealed` differs from others before it runs.

// What Linux must be told there. Without an I/O APIC it leaves the 8259s' way to the CPU masked
// unless it knows that there is none. Where no device does DMA, the 64 MiB or more that a guest
// with SEV's face sets aside for bounce buffers would lie idle.
constexpr std::string_view SealedCmdlineWords(bool has_dma) {
  return has_dma ? "noapic" : "noapic swiotlb=noforce";
}

// The guest's memory in `vm`, which is of CreateVmFor(kind), with the exits that it needs.
Result<std::unique_ptr<SealedGuest>> CreateSealedGuest(const MachineConfig& config,
                                                       PrivateMemoryKind kind,
                                                       const kvm::System& system, kvm::Vm& vm);

// Puts the guest into the staging window; `sources` become those of the guest that is put there. A
// bzImage would unpack itself without the C-bit: `sources.kernel` is ELF. Writes --dump-fdt's file.
Result<EntryState> LoadSealedGuest(SealedGuest& guest, BootSources& sources,
                                   const MachineConfig& config);

// The CPU's face on this host.
SealedFace FaceOf(const SealedGuest& guest);

// What --stats says of the guest's memory.
void AddMemoryStats(const SealedGuest& guest, MachineStats& stats);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_SEALED_LAUNCH_H_
