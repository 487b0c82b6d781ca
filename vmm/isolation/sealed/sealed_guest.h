// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_SEALED_GUEST_H_
#define SEALVM_VMM_ISOLATION_SEALED_SEALED_GUEST_H_

#include <memory>
#include <optional>
#include <span>

#include "memory/guest_memory.h"
#include "memory/private_memory.h"
#include "vmm/isolation/private_memory_kind.h"
#include "vmm/isolation/sealed/sealed_layout.h"
#include "vmm/isolation/sealed/staging_window.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// The memory of a guest with `--isolation sealed` and its way into it. Create and Stage belong to
// the thread that builds the machine, FinishLaunch to the boot vCPU's.
class SealedGuest {
 public:
  // Makes both halves of the guest's RAM and binds them to `vm`, which is of CreateVmFor(kind) and
  // outlives the guest.
  static Result<std::unique_ptr<SealedGuest>> Create(PrivateMemoryKind kind, kvm::Vm& vm,
                                                     const SealedLayout& layout,
                                                     const MemoryPolicy& policy);
  SealedGuest(const SealedGuest&) = delete;
  SealedGuest& operator=(const SealedGuest&) = delete;

  const SealedLayout& layout() const { return layout_; }
  // The half that the VMM and its devices reach.
  GuestMemory& shared() { return shared_; }
  PrivateMemory& private_memory() const { return *private_; }

  // Where the boot structures of a guest with this layout lie: not in what it shares for good.
  static BootLayout BootLayoutFor(const SealedLayout& layout);

  // Puts the guest into the window, with the loader, and shows the window to the VM. Returns how
  // the boot vCPU enters the loader.
  Result<EntryState> Stage(const StagingWindow::Guest& guest);

  // What the loader wrote to its status port. After success the window is gone, for the guest and
  // for the VMM; an error says in words what the loader refused.
  Result<> FinishLaunch(uint32_t status);
  bool launched() const { return !window_; }

 private:
  SealedGuest(PrivateMemoryKind kind, kvm::Vm& vm, const SealedLayout& layout, GuestMemory shared,
              std::shared_ptr<PrivateMemory> private_memory, Mapping unmapped, Mapping ones);
  Result<> Bind(const SealedMemslot& slot);

  const PrivateMemoryKind kind_;
  kvm::Vm& vm_;
  const SealedLayout layout_;
  GuestMemory shared_;
  std::shared_ptr<PrivateMemory> private_;
  Mapping unmapped_;  // addresses of the private half, with nothing behind them
  Mapping ones_;
  std::optional<StagingWindow> window_;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_SEALED_GUEST_H_
