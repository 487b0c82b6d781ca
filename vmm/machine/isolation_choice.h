// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_ISOLATION_CHOICE_H_
#define SEALVM_VMM_MACHINE_ISOLATION_CHOICE_H_

#include <optional>
#include <string>

#include "vmm/api/config.h"
#include "vmm/boot/kernel_image.h"
#include "vmm/isolation/private_memory_kind.h"
#include "vmm/kvm/system.h"

namespace sealvm {

struct IsolationChoice {
  IsolationMode mode = IsolationMode::kNone;
  // Of mode sealed.
  std::optional<PrivateMemoryKind> private_kind = std::nullopt;
  // The vmlinux of a bzImage, where the choice or the mode needs it.
  std::optional<KernelImage> unpacked = std::nullopt;
  // After kAuto: why no stronger mode was taken; empty if there is none.
  std::string why_not_stronger = {};
};

// The mode that a machine gets. kAuto becomes the strongest that works on this host with this
// guest, which is tried; a mode asked for by name is itself, or an error (kRefused if the host
// lacks something): never a silent downgrade.
Result<IsolationChoice> ChooseIsolation(const MachineConfig& config, const kvm::System& system,
                                        const KernelImage& kernel);

// The same for a guest that boots by a firmware, which mode sealed cannot do. kAuto becomes none: a
// confidential launch has an owner, who says what it is to be.
IsolationChoice ChooseFirmwareIsolation(const MachineConfig& config);

// Whether a Linux kernel (ELF) has the code for encrypted memory, by a message in it.
Result<bool> KnowsMemoryEncryption(const KernelImage& vmlinux);

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_ISOLATION_CHOICE_H_
