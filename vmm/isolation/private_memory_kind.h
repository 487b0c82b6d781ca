// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_ISOLATION_PRIVATE_MEMORY_KIND_H_
#define SEALVM_VMM_ISOLATION_PRIVATE_MEMORY_KIND_H_

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "memory/private_memory.h"
#include "vmm/api/config.h"
#include "vmm/kvm/system.h"

namespace sealvm {

// Where mode `sealed` may take private memory from, the best first.
enum class PrivateMemoryKind {
  kGuestMemfd,   // guest_memfd of a default VM, created private: Linux 6.18
  kSeal,         // memfd with the guest seal: a kernel with the seeds' interface
  kSwProtected,  // guest_memfd of a KVM_X86_SW_PROTECTED_VM: Linux 6.8, a kernel option
};
inline constexpr std::array<PrivateMemoryKind, 3> kPrivateMemoryKinds = {
    PrivateMemoryKind::kGuestMemfd, PrivateMemoryKind::kSeal, PrivateMemoryKind::kSwProtected};

// The kinds that a configuration allows, the best first.
std::vector<PrivateMemoryKind> KindsOf(MemoryProvider provider);

// "guest_memfd", "seal", "sw-protected".
std::string_view PrivateMemoryKindName(PrivateMemoryKind kind);

// A VM that can have this kind of memory; kRefused, with what is missing, where there is none.
Result<kvm::Vm> CreateVmFor(PrivateMemoryKind kind, const kvm::System& system);

// A memory object of this kind for `vm`, which outlives the call alone. Only memory that the host
// was proved not to reach; see memory/private_fd_memory.h.
Result<std::shared_ptr<PrivateMemory>> CreatePrivateMemory(PrivateMemoryKind kind, kvm::Vm& vm,
                                                           uint64_t size,
                                                           const MemoryPolicy& policy);

// Shows [offset, offset + size) of `memory` to the guest at `gpa` as memslot `slot`. `unmapped_hva`
// is an address range of `size` bytes in this process that nothing can be read from or written to
// (PROT_NONE): KVM writes some of its own data through it, and must fail there instead of writing
// into the VMM.
struct PrivateMemslot {
  uint32_t slot = 0;
  uint64_t gpa = 0;
  uint64_t size = 0;
  uint64_t offset = 0;
  uint64_t unmapped_hva = 0;
};
Result<> BindPrivateMemory(PrivateMemoryKind kind, kvm::Vm& vm, const PrivateMemory& memory,
                           const PrivateMemslot& memslot);

}  // namespace sealvm

#endif  // SEALVM_VMM_ISOLATION_PRIVATE_MEMORY_KIND_H_
