// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vm.h"

#include <fmt/format.h>

#include "vmm/kvm/ioctl.h"

namespace sealvm::kvm {

using internal::KvmIoctl;

Result<int> Vm::CheckExtension(int capability) const {
  return KvmIoctl(fd_.get(), KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", "vm",
                  static_cast<unsigned long>(capability));
}

Result<> Vm::EnableCap(uint32_t capability, uint64_t argument0) {
  kvm_enable_cap request = {};
  request.cap = capability;
  request.args[0] = argument0;
  SEALVM_TRY(KvmIoctl(fd_.get(), KVM_ENABLE_CAP, "KVM_ENABLE_CAP",
                      fmt::format("vm, capability {}", capability), &request));
  return {};
}

Result<> Vm::SetUserMemoryRegion(const Memslot& memslot) {
  kvm_userspace_memory_region region = {.slot = memslot.slot,
                                        .flags = memslot.flags,
                                        .guest_phys_addr = memslot.gpa,
                                        .memory_size = memslot.size,
                                        .userspace_addr = memslot.hva};
  Result<int> result =
      KvmIoctl(fd_.get(), KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", "vm", &region);
  if (!result) {
    return WithContext(
        std::move(result).error(),
        fmt::format("memslot {} (GPA {:#x}+{:#x})", memslot.slot, memslot.gpa, memslot.size));
  }
  return {};
}

Result<> Vm::SetTssAddress(uint64_t gpa) {
  SEALVM_TRY(KvmIoctl(fd_.get(), KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR", "vm",
                      static_cast<unsigned long>(gpa)));
  return {};
}

Result<> Vm::CreateIrqchip() {
  SEALVM_TRY(KvmIoctl(fd_.get(), KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP", "vm", 0UL));
  return {};
}

Result<> Vm::SetIrqLine(uint32_t gsi, bool asserted) {
  kvm_irq_level request = {};
  request.irq = gsi;
  request.level = asserted ? 1 : 0;
  Result<int> result = KvmIoctl(fd_.get(), KVM_IRQ_LINE, "KVM_IRQ_LINE", "vm", &request);
  if (!result) return WithContext(std::move(result).error(), fmt::format("GSI {}", gsi));
  return {};
}

Result<Vcpu> Vm::CreateVcpu(uint32_t id) {
  Result<int> fd =
      KvmIoctl(fd_.get(), KVM_CREATE_VCPU, "KVM_CREATE_VCPU", "vm", static_cast<unsigned long>(id));
  if (!fd) return WithContext(std::move(fd).error(), fmt::format("vcpu {}", id));
  return Vcpu::Create(Fd(*fd), id, vcpu_mmap_size_);
}

}  // namespace sealvm::kvm
