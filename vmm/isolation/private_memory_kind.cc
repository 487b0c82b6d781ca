// SPDX-License-Identifier: Apache-2.0
#include "vmm/isolation/private_memory_kind.h"

#include <fmt/format.h>

#include <utility>

#include "memory/guest_memfd_provider.h"
#include "memory/guest_seal_provider.h"

namespace sealvm {
namespace {

// guest_memfd of a default VM must be mappable, or KVM refuses the guest's own accesses with
// EFAULT; without INIT_SHARED a mapping gives SIGBUS all the same.
constexpr uint64_t kDefaultVmFlags = GUEST_MEMFD_FLAG_MMAP;

Result<kvm::Vm> CreateDefaultVm(const kvm::System& system) {
  kvm::Vm vm = SEALVM_TRY(system.CreateVm());
  const int flags = SEALVM_TRY(vm.CheckExtension(KVM_CAP_GUEST_MEMFD_FLAGS));
  if ((static_cast<uint64_t>(flags) & kDefaultVmFlags) == 0) {
    return Refused(
        fmt::format("KVM_CAP_GUEST_MEMFD_FLAGS is {:#x}: this kernel's default VMs have no "
                    "private guest_memfd",
                    flags),
        "Linux 6.18 and later have it");
  }
  return vm;
}

// The seal alone proves nothing about KVM: a kernel may have the one without the other.
Result<kvm::Vm> CreateSealVm(const kvm::System& system) {
  SEALVM_TRY(FindGuestSeal());
  kvm::Vm vm = SEALVM_TRY(system.CreateVm());
  if (SEALVM_TRY(vm.CheckExtension(kvm::kCapSealedMemfd)) == 0) {
    return Refused(
        "KVM_CAP_SEALED_MEMFD is 0: this kernel has the guest seal, but its KVM takes no "
        "sealed memfd");
  }
  return vm;
}

Result<kvm::Vm> CreateSwProtectedVm(const kvm::System& system) {
  const int types = SEALVM_TRY(system.CheckExtension(KVM_CAP_VM_TYPES));
  if ((types & 1 << KVM_X86_SW_PROTECTED_VM) == 0) {
    return Refused(fmt::format("KVM_CAP_VM_TYPES is {:#x}: no KVM_X86_SW_PROTECTED_VM", types),
                   "the kernel needs CONFIG_KVM_SW_PROTECTED_VM");
  }
  return system.CreateVm(KVM_X86_SW_PROTECTED_VM);
}

}  // namespace

std::vector<PrivateMemoryKind> KindsOf(MemoryProvider provider) {
  switch (provider) {
    case MemoryProvider::kGuestMemfd:
      return {PrivateMemoryKind::kGuestMemfd};
    case MemoryProvider::kSeal:
      return {PrivateMemoryKind::kSeal};
    case MemoryProvider::kSwProtected:
      return {PrivateMemoryKind::kSwProtected};
    case MemoryProvider::kAuto:
      break;
  }
  return {kPrivateMemoryKinds.begin(), kPrivateMemoryKinds.end()};
}

std::string_view PrivateMemoryKindName(PrivateMemoryKind kind) {
  switch (kind) {
    case PrivateMemoryKind::kGuestMemfd:
      return MemoryProviderName(MemoryProvider::kGuestMemfd);
    case PrivateMemoryKind::kSeal:
      return MemoryProviderName(MemoryProvider::kSeal);
    case PrivateMemoryKind::kSwProtected:
      break;
  }
  return MemoryProviderName(MemoryProvider::kSwProtected);
}

Result<kvm::Vm> CreateVmFor(PrivateMemoryKind kind, const kvm::System& system) {
  switch (kind) {
    case PrivateMemoryKind::kGuestMemfd:
      return CreateDefaultVm(system);
    case PrivateMemoryKind::kSeal:
      return CreateSealVm(system);
    case PrivateMemoryKind::kSwProtected:
      break;
  }
  return CreateSwProtectedVm(system);
}

Result<std::shared_ptr<PrivateMemory>> CreatePrivateMemory(PrivateMemoryKind kind, kvm::Vm& vm,
                                                           uint64_t size,
                                                           const MemoryPolicy& policy) {
  if (kind == PrivateMemoryKind::kSeal) {
    return GuestSealProvider(SEALVM_TRY(FindGuestSeal())).Create(size, policy);
  }
  const uint64_t flags = kind == PrivateMemoryKind::kGuestMemfd ? kDefaultVmFlags : 0;
  GuestMemfdProvider provider([&](uint64_t bytes) { return vm.CreateGuestMemfd(bytes, flags); });
  return provider.Create(size, policy);
}

Result<> BindPrivateMemory(PrivateMemoryKind kind, kvm::Vm& vm, const PrivateMemory& memory,
                           const PrivateMemslot& memslot) {
  SEALVM_TRY(vm.SetUserMemoryRegion({.slot = memslot.slot,
                                     .gpa = memslot.gpa,
                                     .size = memslot.size,
                                     .hva = memslot.unmapped_hva,
                                     .private_fd = memory.fd(),
                                     .private_offset = memslot.offset}));
  // There the attribute, and not the slot, makes an access private.
  if (kind != PrivateMemoryKind::kSwProtected) return {};
  return vm.SetMemoryPrivate(memslot.gpa, memslot.size, true);
}

}  // namespace sealvm
