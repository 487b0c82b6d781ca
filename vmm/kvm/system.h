// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_SYSTEM_H_
#define SEALVM_VMM_KVM_SYSTEM_H_

#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/base/result.h"
#include "vmm/kvm/kernel.h"
#include "vmm/kvm/vm.h"

namespace sealvm::kvm {

// KVM_CAP_SEALED_MEMFD of the patches in kernel/: memslots of any VM take a memfd with the guest
// seal where others take a guest_memfd. No released kernel knows the number.
inline constexpr int kCapSealedMemfd = 1024;

// /dev/kvm: the system ioctls of Documentation/virt/kvm/api.rst. Thread-safe; outlives nothing: a
// Vm keeps working after its System is gone.
class System {
 public:
  static constexpr const char* kDevice = "/dev/kvm";

  // Opens the device and checks KVM_GET_API_VERSION. The error's hint tells a missing module from
  // missing permission.
  static Result<System> Open(const std::string& path = kDevice,
                             const std::shared_ptr<Kernel>& kernel = Kernel::Real());

  // KVM_CHECK_EXTENSION: 0 when the extension is not there.
  Result<int> CheckExtension(int capability) const;
  // KVM_GET_VCPU_MMAP_SIZE, in bytes.
  Result<size_t> VcpuMmapSize() const;
  // KVM_GET_SUPPORTED_CPUID.
  Result<std::vector<kvm_cpuid_entry2>> SupportedCpuid() const;
  // KVM_GET_DEVICE_ATTR on the system: what a group (KVM_X86_GRP_*) says of an attribute; nothing
  // where the kernel does not know it.
  Result<std::optional<uint64_t>> Attribute(uint32_t group, uint64_t attribute) const;
  // Who answers, for the files of other devices.
  const std::shared_ptr<Kernel>& kernel() const { return fd_.kernel(); }
  // KVM_CREATE_VM. `type` is a KVM_X86_*_VM.
  Result<Vm> CreateVm(unsigned long type = KVM_X86_DEFAULT_VM) const;

 private:
  explicit System(KernelFd fd) : fd_(std::move(fd)) {}

  KernelFd fd_;
};

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_SYSTEM_H_
