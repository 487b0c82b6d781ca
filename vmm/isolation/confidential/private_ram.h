// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_CONFIDENTIAL_PRIVATE_RAM_H_
#define SEALVM_VMM_ISOLATION_CONFIDENTIAL_PRIVATE_RAM_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "memory/base/mapping.h"
#include "memory/base/mutex.h"
#include "memory/falloc_notifier.h"
#include "memory/guest_memory.h"
#include "memory/memory_usage.h"
#include "memory/page_conversions.h"
#include "memory/private_memory.h"
#include "memory/shared_view.h"
#include "vmm/kvm/vm.h"

namespace sealvm {

// Makes a guest_memfd of `size` bytes for `vm`.
using GuestMemfdMaker = std::function<Result<std::shared_ptr<PrivateMemory>>(
    kvm::Vm& vm, uint64_t size, const MemoryPolicy& policy)>;
// By KVM_CREATE_GUEST_MEMFD, and only if the host proves to have no access to it.
Result<std::shared_ptr<PrivateMemory>> MakeGuestMemfd(kvm::Vm& vm, uint64_t size,
                                                      const MemoryPolicy& policy);

// The memory of an SNP or TDX guest: RAM with a private half (guest_memfd) and a shared one, and
// the firmware's place below 4 GiB, which is private alone. Memory attributes say which half a page
// is; all are private at first. Create belongs to the thread that builds the machine; the rest may
// be called from any.
class PrivateRam {
 public:
  struct Options {
    GuestLayout layout;
    uint64_t firmware_size = 0;  // bytes, whole pages; ends at 4 GiB
    MemoryPolicy policy = {};
    std::optional<uint64_t> memory_lock_limit = {};  // see CheckMemoryLockLimit
    GuestMemfdMaker make_private = MakeGuestMemfd;
  };

  // Binds the memory to `vm`, whose type has private memory and which outlives the object.
  static Result<std::unique_ptr<PrivateRam>> Create(const Options& options, kvm::Vm& vm);
  PrivateRam(const PrivateRam&) = delete;
  PrivateRam& operator=(const PrivateRam&) = delete;

  const GuestLayout& layout() const { return layout_; }
  PrivateMemory& private_memory() const { return *private_; }
  PageConversions& conversions() const { return *conversions_; }
  // How devices reach the guest.
  const std::shared_ptr<SharedView>& view() const { return view_; }
  const MemoryUsage& private_usage() const { return *private_usage_; }
  const MemoryUsage& shared_usage() const { return *shared_usage_; }

  // What the guest asks for by page state change or MapGPA. Shared is also what it may call
  // anything where it has no memory: windows of devices. kInvalidInput and kHost as in
  // PageConversions.
  Result<> Convert(Gpa gpa, uint64_t length, bool to_private);
  // The guest touched [gpa, gpa + size) as the other kind than the page is: an unspoken wish. A
  // page that is of the kind already was converted by another vCPU meanwhile, unless it stays in
  // the way: then it is kHost, like a place without memory.
  Result<> ResolveFault(Gpa gpa, uint64_t size, bool is_private);

 private:
  PrivateRam(const GuestLayout& layout, kvm::Vm& vm) : layout_(layout), vm_(vm) {}
  Result<> CreateMemory(const Options& options);
  Result<> BindRam(std::span<const RamRange> ranges);
  Result<> BindFirmware(uint64_t size, uint32_t slot);
  bool HasMemory(Gpa gpa, uint64_t length) const;
  // Counts faults of a page that has the wanted kind since it was converted.
  unsigned CountIdleFault(Gpa page);

  const GuestLayout layout_;
  kvm::Vm& vm_;
  std::shared_ptr<GuestMemory> shared_;
  std::shared_ptr<PrivateMemory> private_;
  std::shared_ptr<PrivateMemory> firmware_;
  Mapping no_shared_firmware_;  // addresses with nothing behind them
  std::shared_ptr<PageConversions> conversions_;
  std::shared_ptr<SharedView> view_;
  std::unique_ptr<MemoryUsage> private_usage_;
  std::unique_ptr<MemoryUsage> shared_usage_;
  FallocNotifier::Registration memslots_;
  Mutex idle_faults_lock_;
  std::map<Gpa, unsigned> idle_faults_ SEALVM_GUARDED_BY(idle_faults_lock_);
};

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_CONFIDENTIAL_PRIVATE_RAM_H_
