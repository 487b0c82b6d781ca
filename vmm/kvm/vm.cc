// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vm.h"

#include <fmt/format.h>
#include <string.h>

#include <vector>

#include "vmm/kvm/ioctl.h"

namespace sealvm::kvm {

using internal::KvmIoctl;

namespace {

// The older ioctl does for memory that is not private, on every kernel.
Result<int> SetRegion(const KernelFd& fd, const Memslot& memslot) {
  kvm_userspace_memory_region region = {.slot = memslot.slot,
                                        .flags = memslot.flags,
                                        .guest_phys_addr = memslot.gpa,
                                        .memory_size = memslot.size,
                                        .userspace_addr = memslot.hva};
  return KvmIoctl(fd, KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION", "vm", &region);
}

Result<int> SetPrivateRegion(const KernelFd& fd, const Memslot& memslot) {
  kvm_userspace_memory_region2 region = {};
  region.slot = memslot.slot;
  region.flags = memslot.flags | static_cast<uint32_t>(KVM_MEM_GUEST_MEMFD);
  region.guest_phys_addr = memslot.gpa;
  region.memory_size = memslot.size;
  region.userspace_addr = memslot.hva;
  region.guest_memfd = static_cast<uint32_t>(memslot.private_fd);
  region.guest_memfd_offset = memslot.private_offset;
  return KvmIoctl(fd, KVM_SET_USER_MEMORY_REGION2, "KVM_SET_USER_MEMORY_REGION2", "vm", &region);
}

}  // namespace

Result<int> Vm::CheckExtension(int capability) const {
  return KvmIoctl(fd_, KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", "vm",
                  static_cast<unsigned long>(capability));
}

Result<> Vm::EnableCap(uint32_t capability, uint64_t argument0) {
  kvm_enable_cap request = {};
  request.cap = capability;
  request.args[0] = argument0;
  SEALVM_TRY(KvmIoctl(fd_, KVM_ENABLE_CAP, "KVM_ENABLE_CAP",
                      fmt::format("vm, capability {}", capability), &request));
  return {};
}

Result<> Vm::SetUserMemoryRegion(const Memslot& memslot) {
  const Result<int> result =
      memslot.private_fd >= 0 ? SetPrivateRegion(fd_, memslot) : SetRegion(fd_, memslot);
  if (!result) {
    return WithContext(result.error(), fmt::format("memslot {} (GPA {:#x}+{:#x})", memslot.slot,
                                                   memslot.gpa, memslot.size));
  }
  return {};
}

Result<Fd> Vm::CreateGuestMemfd(uint64_t size, uint64_t flags) {
  kvm_create_guest_memfd request = {};
  request.size = size;
  request.flags = flags;
  Result<int> fd = KvmIoctl(fd_, KVM_CREATE_GUEST_MEMFD, "KVM_CREATE_GUEST_MEMFD",
                            fmt::format("vm, {} bytes, flags {:#x}", size, flags), &request);
  if (!fd) return std::unexpected(std::move(fd).error());
  return Fd(*fd);
}

Result<> Vm::SetMemoryPrivate(uint64_t gpa, uint64_t size, bool is_private) {
  kvm_memory_attributes request = {};
  request.address = gpa;
  request.size = size;
  request.attributes = is_private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_MEMORY_ATTRIBUTES, "KVM_SET_MEMORY_ATTRIBUTES",
                      fmt::format("vm, GPA {:#x}+{:#x}", gpa, size), &request));
  return {};
}

Result<> Vm::FilterMsrs(std::span<const FilteredMsr> msrs) {
  if (msrs.size() > KVM_MSR_FILTER_MAX_RANGES) return InvalidInput("too many MSRs to filter");
  SEALVM_TRY(EnableCap(KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER));
  // A clear bit denies, and there is one bit for each range's one MSR.
  uint8_t denied = 0;
  kvm_msr_filter filter = {};
  filter.flags = KVM_MSR_FILTER_DEFAULT_ALLOW;
  for (size_t i = 0; i < msrs.size(); ++i) {
    filter.ranges[i] = {
        .flags = msrs[i].accesses, .nmsrs = 1, .base = msrs[i].index, .bitmap = &denied};
  }
  SEALVM_TRY(KvmIoctl(fd_, KVM_X86_SET_MSR_FILTER, "KVM_X86_SET_MSR_FILTER", "vm", &filter));
  return {};
}

Result<> Vm::SetTssAddress(uint64_t gpa) {
  SEALVM_TRY(
      KvmIoctl(fd_, KVM_SET_TSS_ADDR, "KVM_SET_TSS_ADDR", "vm", static_cast<unsigned long>(gpa)));
  return {};
}

Result<> Vm::SetIdentityMapAddress(uint64_t gpa) {
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_IDENTITY_MAP_ADDR, "KVM_SET_IDENTITY_MAP_ADDR", "vm", &gpa));
  return {};
}

Result<> Vm::CreateIrqchip() {
  SEALVM_TRY(KvmIoctl(fd_, KVM_CREATE_IRQCHIP, "KVM_CREATE_IRQCHIP", "vm", 0UL));
  return {};
}

Result<> Vm::CreatePit() {
  kvm_pit_config config = {};
  config.flags = KVM_PIT_SPEAKER_DUMMY;
  SEALVM_TRY(KvmIoctl(fd_, KVM_CREATE_PIT2, "KVM_CREATE_PIT2", "vm", &config));
  return {};
}

Result<> Vm::SetTscKhz(uint32_t khz) {
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_TSC_KHZ, "KVM_SET_TSC_KHZ", fmt::format("vm, {} kHz", khz),
                      static_cast<unsigned long>(khz)));
  return {};
}

Result<uint32_t> Vm::TscKhz() const {
  return static_cast<uint32_t>(
      SEALVM_TRY(KvmIoctl(fd_, KVM_GET_TSC_KHZ, "KVM_GET_TSC_KHZ", "vm", 0UL)));
}

Result<bool> Vm::SignalMsi(uint64_t address, uint32_t data) {
  kvm_msi message = {};
  message.address_lo = static_cast<uint32_t>(address);
  message.address_hi = static_cast<uint32_t>(address >> 32);
  message.data = data;
  return SEALVM_TRY(KvmIoctl(fd_, KVM_SIGNAL_MSI, "KVM_SIGNAL_MSI", "vm", &message)) > 0;
}

Result<> Vm::RegisterEncryptedRegion(uint64_t hva, uint64_t size) {
  kvm_enc_region region = {.addr = hva, .size = size};
  SEALVM_TRY(KvmIoctl(fd_, KVM_MEMORY_ENCRYPT_REG_REGION, "KVM_MEMORY_ENCRYPT_REG_REGION",
                      fmt::format("vm, {} bytes", size), &region));
  return {};
}

Result<> Vm::UnregisterEncryptedRegion(uint64_t hva, uint64_t size) {
  kvm_enc_region region = {.addr = hva, .size = size};
  SEALVM_TRY(KvmIoctl(fd_, KVM_MEMORY_ENCRYPT_UNREG_REGION, "KVM_MEMORY_ENCRYPT_UNREG_REGION",
                      fmt::format("vm, {} bytes", size), &region));
  return {};
}

SevOutcome Vm::SevCommand(uint32_t id, void* data, int sev_fd) {
  return IssueSevCommand(fd_, id, data, sev_fd);
}

TdxOutcome Vm::TdxCommand(uint32_t id, uint32_t flags, void* data) {
  return IssueTdxCommand(fd_, id, flags, reinterpret_cast<uint64_t>(data));
}

Result<> Vm::SetIrqLine(uint32_t gsi, bool asserted) {
  kvm_irq_level request = {};
  request.irq = gsi;
  request.level = asserted ? 1 : 0;
  Result<int> result = KvmIoctl(fd_, KVM_IRQ_LINE, "KVM_IRQ_LINE", "vm", &request);
  if (!result) return WithContext(std::move(result).error(), fmt::format("GSI {}", gsi));
  return {};
}

namespace {

Result<> IoEventIoctl(const KernelFd& fd, const Vm::IoEvent& event, uint32_t flags) {
  kvm_ioeventfd request = {};
  request.addr = event.address;
  request.len = event.value ? sizeof(*event.value) : 0;
  request.fd = event.event_fd;
  request.datamatch = event.value.value_or(0);
  request.flags = flags | (event.port ? uint32_t{KVM_IOEVENTFD_FLAG_PIO} : 0) |
                  (event.value ? uint32_t{KVM_IOEVENTFD_FLAG_DATAMATCH} : 0);
  SEALVM_TRY(KvmIoctl(fd, KVM_IOEVENTFD, "KVM_IOEVENTFD",
                      fmt::format("vm, {} {:#x}", event.port ? "port" : "GPA", event.address),
                      &request));
  return {};
}

Result<> IrqFdIoctl(const KernelFd& fd, uint32_t gsi, int event_fd, uint32_t flags) {
  kvm_irqfd request = {};
  request.fd = static_cast<uint32_t>(event_fd);
  request.gsi = gsi;
  request.flags = flags;
  SEALVM_TRY(KvmIoctl(fd, KVM_IRQFD, "KVM_IRQFD", fmt::format("vm, GSI {}", gsi), &request));
  return {};
}

}  // namespace

Result<> Vm::BindIoEvent(const IoEvent& event) { return IoEventIoctl(fd_, event, 0); }

Result<> Vm::UnbindIoEvent(const IoEvent& event) {
  return IoEventIoctl(fd_, event, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

Result<> Vm::BindIrqFd(uint32_t gsi, int event_fd) { return IrqFdIoctl(fd_, gsi, event_fd, 0); }

Result<> Vm::UnbindIrqFd(uint32_t gsi, int event_fd) {
  return IrqFdIoctl(fd_, gsi, event_fd, KVM_IRQFD_FLAG_DEASSIGN);
}

Result<> Vm::SetGsiRouting(std::span<const kvm_irq_routing_entry> entries) {
  std::vector<uint8_t> bytes(sizeof(kvm_irq_routing) + entries.size_bytes());
  kvm_irq_routing header = {};
  header.nr = static_cast<uint32_t>(entries.size());
  memcpy(bytes.data(), &header, sizeof(header));
  memcpy(bytes.data() + sizeof(header), entries.data(), entries.size_bytes());
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_GSI_ROUTING, "KVM_SET_GSI_ROUTING", "vm",
                      static_cast<void*>(bytes.data())));
  return {};
}

Result<Vcpu> Vm::CreateVcpu(uint32_t id) {
  Result<int> fd =
      KvmIoctl(fd_, KVM_CREATE_VCPU, "KVM_CREATE_VCPU", "vm", static_cast<unsigned long>(id));
  if (!fd) return WithContext(std::move(fd).error(), fmt::format("vcpu {}", id));
  return Vcpu::Create(KernelFd(fd_.kernel(), Fd(*fd)), id, vcpu_mmap_size_);
}

}  // namespace sealvm::kvm
