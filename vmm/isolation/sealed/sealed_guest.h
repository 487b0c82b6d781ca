// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_SEALED_SEALED_GUEST_H_
#define SEALVM_VMM_ISOLATION_SEALED_SEALED_GUEST_H_

#include <atomic>
#include <memory>
#include <optional>
#include <span>

#include "memory/guest_memory.h"
#include "memory/memory_usage.h"
#include "memory/page_conversions.h"
#include "memory/private_memory.h"
#include "memory/shared_view.h"
#include "vmm/isolation/memslot_consumer.h"
#include "vmm/isolation/private_memory_kind.h"
#include "vmm/isolation/sealed/sealed_layout.h"
#include "vmm/isolation/sealed/staging_window.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// The memory of a guest with `--isolation sealed` and its way into it. Create, Stage and Prefault
// belong to the thread that builds the machine, FinishLaunch to the boot vCPU's; the rest may be
// called from any thread.
class SealedGuest {
 public:
  struct Options {
    PrivateMemoryKind kind = PrivateMemoryKind::kGuestMemfd;
    MemoryPolicy policy;
    std::optional<uint64_t> memory_lock_limit;  // see CheckMemoryLockLimit
    // The guest tells each page that it shares or takes back, so that devices may reach those
    // alone. Otherwise it shares by alias, without a word, and devices may reach the whole shared
    // half.
    bool guest_tells_conversions = false;
  };

  // Makes both halves of the guest's RAM and binds them to `vm`, which is of CreateVmFor(kind) and
  // outlives the guest. kHost where a limit of the host is below the guest's RAM.
  static Result<std::unique_ptr<SealedGuest>> Create(const Options& options, kvm::Vm& vm,
                                                     const SealedLayout& layout);
  SealedGuest(const SealedGuest&) = delete;
  SealedGuest& operator=(const SealedGuest&) = delete;

  const SealedLayout& layout() const { return layout_; }
  PrivateMemory& private_memory() const { return *private_; }
  PageConversions& conversions() const { return *conversions_; }
  // How devices reach the guest.
  const std::shared_ptr<SharedView>& view() const { return view_; }
  const MemoryUsage& private_usage() const { return *private_usage_; }
  const MemoryUsage& shared_usage() const { return *shared_usage_; }
  bool guest_tells_conversions() const { return options_.guest_tells_conversions; }

  // Where the boot structures of a guest with this layout lie: not in what it shares for good.
  static BootLayout BootLayoutFor(const SealedLayout& layout);

  // Puts the guest into the window, with the loader, shows the window to the VM, and takes the
  // private memory from the host that the loader fills. Returns how the boot vCPU enters the
  // loader.
  Result<EntryState> Stage(const StagingWindow::Guest& guest);
  // Lets KVM map what the loader reads and writes in a few calls instead of a fault for each page.
  // Costs nothing but time to go without: kRefused where the kernel cannot do it.
  Result<> Prefault(kvm::Vcpu& boot_vcpu);
  // What the loader will be told; before FinishLaunch.
  const Handover& handover() const { return window_->handover(); }
  std::span<const uint8_t> handover_tree() const { return window_->tree(); }

  // What the loader wrote to its status port. After success the window is gone, for the guest and
  // for the VMM; an error says in words what the loader refused.
  Result<> FinishLaunch(uint32_t status);
  bool launched() const { return launched_.load(); }

  // The guest faulted on [gpa, gpa + size), which KVM could not serve. A touch of a private page
  // that the guest had given up takes it back; anything else is an error that says why.
  Result<> ResolveFault(Gpa gpa, uint64_t size);

 private:
  SealedGuest(const Options& options, kvm::Vm& vm, const SealedLayout& layout);
  Result<> CreateMemory();
  Result<> Watch();
  Result<> Bind(const SealedMemslot& slot);
  // What of [gpa, gpa + length) lies in private memory, whole pages; nothing if none does.
  std::optional<BackingRange> PrivatePagesOf(Gpa gpa, uint64_t length) const;

  const Options options_;
  kvm::Vm& vm_;
  const SealedLayout layout_;
  std::shared_ptr<GuestMemory> shared_;
  std::shared_ptr<PrivateMemory> private_;
  Mapping unmapped_;  // addresses of the private half, with nothing behind them
  Mapping platform_;
  std::shared_ptr<PageConversions> conversions_;
  std::shared_ptr<SharedView> view_;
  std::unique_ptr<MemoryUsage> private_usage_;
  std::unique_ptr<MemoryUsage> shared_usage_;
  FallocNotifier::Registration memslots_;
  std::optional<StagingWindow> window_;
  std::atomic<bool> launched_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_SEALED_SEALED_GUEST_H_
