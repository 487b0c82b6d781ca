// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/vcpu.h"

#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "vmm/kvm/cpuid_buffer.h"
#include "vmm/kvm/ioctl.h"

namespace sealvm::kvm {

using internal::KvmIoctl;

Result<Vcpu> Vcpu::Create(KernelFd fd, uint32_t id, size_t mmap_size) {
  if (mmap_size < sizeof(kvm_run)) {
    return HostError(fmt::format("KVM's run page of {} bytes is too small", mmap_size));
  }
  Mapping run = SEALVM_TRY(Mapping::Create(mmap_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                                           0, fmt::format("run page of vcpu {}", id)));
  return Vcpu(std::move(fd), id, std::move(run));
}

Vcpu::Vcpu(KernelFd fd, uint32_t id, Mapping run)
    : fd_(std::move(fd)), id_(id), run_(std::move(run)) {}

std::string Vcpu::Object() const { return fmt::format("vcpu {}", id_); }

Result<VcpuExit> Vcpu::Run() {
  if (fd_.Ioctl(KVM_RUN, 0) == 0) return DecodeExit(run(), run_.size());
  const int err = errno;
  if (err == EINTR || err == EAGAIN) return InterruptedExit{};
  // The one exit that comes with an error: Documentation/virt/kvm/api.rst, KVM_EXIT_MEMORY_FAULT.
  if ((err == EFAULT || err == EHWPOISON) && run().exit_reason == KVM_EXIT_MEMORY_FAULT) {
    return DecodeExit(run(), run_.size());
  }
  return SystemError("ioctl", fmt::format("KVM_RUN on {}", Object()), err,
                     err == ENOMEM ? "the host has no memory left for the guest" : "");
}

Result<> Vcpu::CompleteExit() {
  // A request that came in meanwhile stays.
  const uint8_t before =
      std::atomic_ref(run().immediate_exit).exchange(1, std::memory_order_acq_rel);
  const Result<VcpuExit> exit = Run();
  if (before == 0) std::atomic_ref(run().immediate_exit).store(0, std::memory_order_release);
  if (!exit) return std::unexpected(exit.error());
  if (std::holds_alternative<InterruptedExit>(*exit)) return {};
  return HostError(fmt::format("KVM_RUN on {}: the guest ran though it was not to", Object()));
}

void Vcpu::RequestImmediateExit() {
  std::atomic_ref(run().immediate_exit).store(1, std::memory_order_release);
}

Result<> Vcpu::SetSignalMask(const sigset_t& blocked) {
  // The kernel's sigset is 8 bytes on x86-64; glibc's sigset_t starts with it.
  constexpr size_t kKernelSigsetSize = 8;
  struct {
    kvm_signal_mask header;
    uint8_t sigset[kKernelSigsetSize];
  } request = {};
  request.header.len = kKernelSigsetSize;
  memcpy(reinterpret_cast<uint8_t*>(&request) + offsetof(kvm_signal_mask, sigset), &blocked,
         kKernelSigsetSize);
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_SIGNAL_MASK, "KVM_SET_SIGNAL_MASK", Object(), &request));
  return {};
}

Result<> Vcpu::PreFaultMemory(uint64_t gpa, uint64_t size) {
  kvm_pre_fault_memory request = {};
  request.gpa = gpa;
  request.size = size;
  while (request.size > 0) {
    const Result<int> result =
        KvmIoctl(fd_, KVM_PRE_FAULT_MEMORY, "KVM_PRE_FAULT_MEMORY", Object(), &request);
    // The kernel moves gpa and size on by what it has done.
    if (!result && result.error().os_error != EINTR && result.error().os_error != EAGAIN) {
      return std::unexpected(result.error());
    }
  }
  return {};
}

Result<> Vcpu::SetCpuid(std::span<const kvm_cpuid_entry2> entries) {
  CpuidBuffer buffer(entries);
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_CPUID2, "KVM_SET_CPUID2", Object(), buffer.get()));
  return {};
}

Result<> Vcpu::SetMsrs(std::span<const kvm_msr_entry> msrs) {
  const auto bytes =
      std::make_unique<std::byte[]>(sizeof(kvm_msrs) + msrs.size() * sizeof(kvm_msr_entry));
  auto* request = reinterpret_cast<kvm_msrs*>(bytes.get());
  request->nmsrs = static_cast<uint32_t>(msrs.size());
  std::ranges::copy(msrs, request->entries);
  const int taken = SEALVM_TRY(KvmIoctl(fd_, KVM_SET_MSRS, "KVM_SET_MSRS", Object(), request));
  if (static_cast<size_t>(taken) < msrs.size()) {
    const kvm_msr_entry& refused = msrs[static_cast<size_t>(taken)];
    return HostError(fmt::format("ioctl(KVM_SET_MSRS on {}): KVM refused MSR {:#x} = {:#x}",
                                 Object(), refused.index, uint64_t{refused.data}));
  }
  return {};
}

Result<kvm_sregs> Vcpu::GetSregs() const {
  kvm_sregs sregs = {};
  SEALVM_TRY(KvmIoctl(fd_, KVM_GET_SREGS, "KVM_GET_SREGS", Object(), &sregs));
  return sregs;
}

Result<> Vcpu::SetSregs(const kvm_sregs& sregs) {
  kvm_sregs copy = sregs;
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_SREGS, "KVM_SET_SREGS", Object(), &copy));
  return {};
}

Result<kvm_regs> Vcpu::GetRegs() const {
  kvm_regs regs = {};
  SEALVM_TRY(KvmIoctl(fd_, KVM_GET_REGS, "KVM_GET_REGS", Object(), &regs));
  return regs;
}

Result<> Vcpu::SetRegs(const kvm_regs& regs) {
  kvm_regs copy = regs;
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_REGS, "KVM_SET_REGS", Object(), &copy));
  return {};
}

Result<> Vcpu::SetFpu(const kvm_fpu& fpu) {
  kvm_fpu copy = fpu;
  SEALVM_TRY(KvmIoctl(fd_, KVM_SET_FPU, "KVM_SET_FPU", Object(), &copy));
  return {};
}

TdxOutcome Vcpu::TdxCommand(uint32_t id, uint32_t flags, uint64_t data) {
  return IssueTdxCommand(fd_, id, flags, data);
}

}  // namespace sealvm::kvm
