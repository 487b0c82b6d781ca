// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_VM_H_
#define SEALVM_VMM_KVM_VM_H_

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <optional>
#include <span>

#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "vmm/kvm/encryption.h"
#include "vmm/kvm/kernel.h"
#include "vmm/kvm/vcpu.h"

namespace sealvm::kvm {

// Guest memory as KVM knows it. Sizes in bytes; page aligned. A size of 0 deletes the slot.
struct Memslot {
  uint32_t slot = 0;
  uint64_t gpa = 0;
  uint64_t size = 0;
  uint64_t hva = 0;
  uint32_t flags = 0;  // KVM_MEM_*, but for KVM_MEM_GUEST_MEMFD
  // The file whose private memory the slot shows, lent, with the offset of the slot's first byte;
  // -1: memory at `hva` alone. Such a slot can be deleted but not changed.
  int private_fd = -1;
  uint64_t private_offset = 0;
};

// One VM's fd: the vm ioctls of Documentation/virt/kvm/api.rst. The kernel serialises; thread-safe.
// The kernel's VM dies with this object and all its Vcpus.
class Vm {
 public:
  Vm(KernelFd fd, size_t vcpu_mmap_size) : fd_(std::move(fd)), vcpu_mmap_size_(vcpu_mmap_size) {}

  // KVM_CHECK_EXTENSION on the VM: what this VM's type offers.
  Result<int> CheckExtension(int capability) const;
  // KVM_ENABLE_CAP.
  Result<> EnableCap(uint32_t capability, uint64_t argument0 = 0);
  // KVM_SET_USER_MEMORY_REGION, or KVM_SET_USER_MEMORY_REGION2 for private memory.
  Result<> SetUserMemoryRegion(const Memslot& memslot);
  // KVM_CREATE_GUEST_MEMFD: memory of this VM alone. `flags`: GUEST_MEMFD_FLAG_*.
  Result<Fd> CreateGuestMemfd(uint64_t size, uint64_t flags);
  // KVM_SET_MEMORY_ATTRIBUTES: whether the guest's accesses to the range are private. For VM types
  // with private memory.
  Result<> SetMemoryPrivate(uint64_t gpa, uint64_t size, bool is_private);
  // KVM_X86_SET_MSR_FILTER and KVM_CAP_X86_USER_SPACE_MSR: the guest's reads (KVM_MSR_FILTER_READ)
  // or writes of these MSRs give an MsrExit; all others stay with KVM. Replaces what was filtered
  // before.
  struct FilteredMsr {
    uint32_t index = 0;
    uint32_t accesses = 0;  // KVM_MSR_FILTER_*
  };
  Result<> FilterMsrs(std::span<const FilteredMsr> msrs);
  // KVM_SET_TSS_ADDR: three pages below 4 GiB that Intel CPUs without unrestricted guest need.
  Result<> SetTssAddress(uint64_t gpa);
  // KVM_SET_IDENTITY_MAP_ADDR: one page for the same CPUs. Before any vCPU.
  Result<> SetIdentityMapAddress(uint64_t gpa);
  // KVM_CREATE_IRQCHIP: PICs, IOAPIC and local APICs in the kernel. Before any vCPU.
  Result<> CreateIrqchip();
  // KVM_CREATE_PIT2: a PC's 8254 on its ports, after CreateIrqchip. Its speaker port makes no
  // sound.
  Result<> CreatePit();
  // KVM_SET_TSC_KHZ: of the vCPUs that are created afterwards. Needs KVM_CAP_VM_TSC_CONTROL.
  Result<> SetTscKhz(uint32_t khz);
  // KVM_GET_TSC_KHZ: what they get otherwise.
  Result<uint32_t> TscKhz() const;
  // KVM_MEMORY_ENCRYPT_REG_REGION: pins `size` bytes of this process' memory at `hva`, which the
  // guest's encryption binds to their place. Undone with the VM or by UnregisterRegion.
  Result<> RegisterEncryptedRegion(uint64_t hva, uint64_t size);
  Result<> UnregisterEncryptedRegion(uint64_t hva, uint64_t size);
  // KVM_MEMORY_ENCRYPT_OP of SEV, SEV-ES and SNP. `data` is the command's struct, which the kernel
  // may write to, or null; `sev_fd` of SevDevice.
  SevOutcome SevCommand(uint32_t id, void* data, int sev_fd);
  // KVM_MEMORY_ENCRYPT_OP of TDX, for commands of the VM.
  TdxOutcome TdxCommand(uint32_t id, uint32_t flags, void* data);
  // KVM_SIGNAL_MSI: one interrupt message. False when a guest with its APIC off, say, did not take
  // it.
  Result<bool> SignalMsi(uint64_t address, uint32_t data);
  // KVM_IRQ_LINE: level of an input of the in-kernel PIC and IOAPIC.
  Result<> SetIrqLine(uint32_t gsi, bool asserted);
  // KVM_IOEVENTFD: the guest's writes to this address signal `event_fd` and do not exit. Fails
  // where the same one is bound.
  struct IoEvent {
    bool port = false;  // an I/O port, else a GPA
    uint64_t address = 0;
    // Only writes of two bytes with this value; else of any width (KVM_CAP_IOEVENTFD_ANY_LENGTH).
    std::optional<uint16_t> value = {};
    int event_fd = -1;
  };
  Result<> BindIoEvent(const IoEvent& event);
  Result<> UnbindIoEvent(const IoEvent& event);
  // KVM_IRQFD: writing `event_fd` triggers the GSI; a write from before counts.
  Result<> BindIrqFd(uint32_t gsi, int event_fd);
  Result<> UnbindIrqFd(uint32_t gsi, int event_fd);
  // KVM_SET_GSI_ROUTING: what GSIs lead to, all of them.
  Result<> SetGsiRouting(std::span<const kvm_irq_routing_entry> entries);
  // KVM_CREATE_VCPU. The id is also the initial APIC id.
  Result<Vcpu> CreateVcpu(uint32_t id);

 private:
  KernelFd fd_;
  size_t vcpu_mmap_size_;
};

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_VM_H_
