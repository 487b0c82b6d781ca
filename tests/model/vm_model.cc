// SPDX-License-Identifier: Apache-2.0
#include "tests/model/vm_model.h"

#include <errno.h>

#include <algorithm>

#include "tests/model/sev_model.h"
#include "tests/model/snp_model.h"
#include "tests/model/tdx_model.h"

namespace sealvm::model {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kIoApicPins = 24;

bool Overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size) {
  return a < b + b_size && b < a + a_size;
}

kvm_segment Segment(uint8_t type, bool s) {
  kvm_segment segment = {};
  segment.limit = 0xffff;
  segment.type = type;
  segment.s = s;
  segment.present = 1;
  return segment;
}

}  // namespace

// The state after INIT by AMD APM vol. 2, table 14-1, as KVM's kvm_vcpu_reset makes it.
VcpuModel::VcpuModel(uint32_t vcpu_id) : id(vcpu_id) {
  constexpr uint8_t kDataAccessed = 3, kCodeAccessed = 0xb, kLdt = 2, kBusyTss16 = 3;
  sregs.es = sregs.ss = sregs.ds = sregs.fs = sregs.gs = Segment(kDataAccessed, true);
  sregs.cs = Segment(kCodeAccessed, true);
  sregs.cs.selector = 0xf000;
  sregs.cs.base = 0xffff0000;
  sregs.ldt = Segment(kLdt, false);
  sregs.tr = Segment(kBusyTss16, false);
  sregs.gdt.limit = sregs.idt.limit = 0xffff;
  sregs.cr0 = 0x60000010;
  sregs.apic_base = 0xfee00800 | (id == 0 ? 0x100 : 0);
  regs.rip = 0xfff0;
  regs.rflags = 2;
  regs.rdx = 0x600;
  fpu.fcw = 0x37f;
  fpu.mxcsr = 0x1f80;
}

VmModel::VmModel(const HostModel& host_model, unsigned long vm_type)
    : host(host_model), type(vm_type), tsc_khz(host_model.tsc_khz) {
  if (type == KVM_X86_SEV_VM || type == KVM_X86_SEV_ES_VM) sev = std::make_unique<SevModel>(*this);
  if (type == KVM_X86_SNP_VM) snp = std::make_unique<SnpModel>(*this);
  if (type == KVM_X86_TDX_VM) tdx = std::make_unique<TdxModel>(*this);
}

VmModel::~VmModel() = default;

bool VmModel::InPrivateSlot(uint64_t gpa, uint64_t size) const {
  return std::ranges::any_of(slots, [&](const auto& entry) {
    const SlotModel& slot = entry.second;
    return slot.private_fd >= 0 && gpa >= slot.gpa && size <= slot.size &&
           gpa - slot.gpa <= slot.size - size;
  });
}

int VmModel::CheckRun(const VcpuModel& vcpu) const {
  if (sev) return sev->CheckRun();
  if (snp) return snp->CheckRun();
  if (tdx) return tdx->CheckRun(vcpu);
  return 0;
}

// api.rst 4.35, 4.140, 4.142.
int VmModel::SetMemoryRegion(const SlotModel& slot, uint32_t number, uint32_t flags) {
  if (slot.size == 0) return slots.erase(number) > 0 ? 0 : EINVAL;
  if (slot.gpa % kPage != 0 || slot.size % kPage != 0 || slot.hva % kPage != 0) return EINVAL;
  if ((flags & KVM_MEM_GUEST_MEMFD) != 0) {
    if (!has_private_memory()) return EINVAL;
    if ((flags & (KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES)) != 0) return EINVAL;
    const auto memfd = guest_memfds.find(slot.private_fd);
    if (memfd == guest_memfds.end() || slot.private_offset % kPage != 0) return EINVAL;
    if (slot.private_offset + slot.size > memfd->second) return EINVAL;
    if (slots.contains(number)) return EINVAL;
  }
  for (const auto& [other_number, other] : slots) {
    if (other_number == number) continue;
    if (Overlap(slot.gpa, slot.size, other.gpa, other.size)) return EEXIST;
    const bool same_file = slot.private_fd >= 0 && slot.private_fd == other.private_fd;
    if (same_file && Overlap(slot.private_offset, slot.size, other.private_offset, other.size)) {
      return EEXIST;
    }
  }
  slots[number] = slot;
  return 0;
}

// api.rst 4.141; virt/kvm/kvm_main.c, kvm_vm_ioctl_set_mem_attributes.
int VmModel::SetMemoryAttributes(const kvm_memory_attributes& request) {
  if (request.flags != 0 || request.size == 0) return EINVAL;
  const uint64_t supported = has_private_memory() ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
  if ((request.attributes & ~supported) != 0) return EINVAL;
  if (request.address % kPage != 0 || request.size % kPage != 0) return EINVAL;
  if (request.address + request.size < request.address) return EINVAL;
  const uint64_t end = request.address + request.size;
  if (request.attributes != 0) {
    private_pages.Add(request.address, end);
  } else {
    private_pages.Remove(request.address, end);
  }
  return 0;
}

// api.rst 6 and 7; arch/x86/kvm/x86.c, kvm_vm_ioctl_enable_cap.
int VmModel::EnableCap(const kvm_enable_cap& request) {
  switch (request.cap) {
    case KVM_CAP_EXIT_HYPERCALL:
      if ((request.args[0] & ~host.exit_hypercalls) != 0) return EINVAL;
      exit_hypercalls = request.args[0];
      return 0;
    case KVM_CAP_SPLIT_IRQCHIP:
      if (request.args[0] > kIoApicPins) return EINVAL;
      if (irqchip || split_irqchip || !vcpus.empty()) return EEXIST;
      split_irqchip = true;
      return 0;
    case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
      if (request.args[0] == 0) return EINVAL;
      if (!irqchip && !split_irqchip) return ENXIO;
      if (!vcpus.empty()) return EINVAL;
      apic_bus_cycle_ns = request.args[0];
      return 0;
    default:
      return EINVAL;
  }
}

int VmModel::CreateIrqchip() {
  if (irqchip || split_irqchip) return EEXIST;
  // KVM has no I/O APIC for guests whose end of interrupt it cannot see.
  if (!vcpus.empty() || tdx) return EINVAL;
  irqchip = true;
  return 0;
}

// api.rst 4.55; Linux before 6.17 takes it at any time.
int VmModel::SetTscKhz(uint32_t khz) {
  if (!vcpus.empty()) return EINVAL;
  tsc_khz = khz;
  return 0;
}

int VmModel::RegisterRegion(const kvm_enc_region& region) {
  const bool initialized = (sev && sev->state() != SevModel::State::kUninitialized) ||
                           (snp && snp->state() != SnpModel::State::kUninitialized);
  if (!initialized) return ENOTTY;
  if (region.size == 0) return EINVAL;
  pinned.Add(region.addr, region.addr + region.size);
  return 0;
}

int VmModel::CheckNewVcpu(uint32_t id) const {
  if (vcpus.size() >= host.max_vcpus) return EINVAL;
  const bool taken = std::ranges::any_of(vcpus, [&](const auto& vcpu) { return vcpu->id == id; });
  if (taken) return EEXIST;
  return tdx ? tdx->CheckNewVcpu() : 0;
}

int VmModel::CheckExtension(long capability) const {
  switch (capability) {
    case KVM_CAP_EXIT_HYPERCALL:
      return static_cast<int>(host.exit_hypercalls);
    case KVM_CAP_MAX_VCPUS:
    case KVM_CAP_NR_VCPUS:
      return static_cast<int>(host.max_vcpus);
    case KVM_CAP_VM_TYPES:
      return static_cast<int>(host.vm_types);
    case KVM_CAP_GUEST_MEMFD:
      return has_private_memory() ? 1 : 0;
    case KVM_CAP_MEMORY_ATTRIBUTES:
      return has_private_memory() ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
    case KVM_CAP_TSC_DEADLINE_TIMER:
    case KVM_CAP_SPLIT_IRQCHIP:
    case KVM_CAP_X86_APIC_BUS_CYCLES_NS:
    case KVM_CAP_VM_TSC_CONTROL:
      return 1;
    default:
      return 0;
  }
}

}  // namespace sealvm::model
