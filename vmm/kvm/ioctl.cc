// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/ioctl.h"

#include <errno.h>
#include <fmt/format.h>

#include <array>

namespace sealvm::internal {
namespace {

struct Hint {
  std::string_view name;
  int err;
  std::string_view text;
};

// Reasons from Documentation/virt/kvm/api.rst and the kernel's sources for the calls that fail on
// hosts in practice.
constexpr std::array kHints = {
    Hint{"KVM_CREATE_VM", EBUSY, "another hypervisor on this host holds the CPU's virtualization"},
    Hint{"KVM_CREATE_VM", EINVAL, "this kernel does not offer the VM type; see sealvm doctor"},
    Hint{"KVM_CREATE_VM", ENOMEM, "the host is out of memory"},
    Hint{"KVM_CREATE_VCPU", EINVAL, "more vCPUs than this kernel allows; lower --cpus"},
    Hint{"KVM_CREATE_VCPU", ENOMEM, "the host is out of memory"},
    Hint{"KVM_SET_USER_MEMORY_REGION", EEXIST, "the range overlaps another memslot"},
    Hint{"KVM_SET_USER_MEMORY_REGION", ENOMEM, "the host is out of memory; lower --memory"},
    Hint{"KVM_SET_MEMORY_ATTRIBUTES", ENOMEM, "the host is out of memory"},
    Hint{"KVM_CREATE_GUEST_MEMFD", ENOMEM, "the host is out of memory; lower --memory"},
    Hint{"KVM_MEMORY_ENCRYPT_REG_REGION", ENOMEM,
         "the memory cannot be pinned: raise the limit of locked memory (ulimit -l) or lower "
         "--memory"},
    Hint{"KVM_SET_CPUID2", EINVAL, "the CPUID table does not fit this host's KVM"},
};

Result<int> Check(int result, std::string_view name, std::string_view object) {
  if (result >= 0) return result;
  const int err = errno;
  return SystemError("ioctl", fmt::format("{} on {}", name, object), err, KvmIoctlHint(name, err));
}

}  // namespace

std::string_view KvmIoctlHint(std::string_view name, int err) {
  for (const Hint& hint : kHints) {
    if (hint.name == name && hint.err == err) return hint.text;
  }
  return {};
}

Result<int> KvmIoctl(const kvm::KernelFd& fd, unsigned long request, std::string_view name,
                     std::string_view object, void* argument) {
  return KvmIoctl(fd, request, name, object, reinterpret_cast<unsigned long>(argument));
}

Result<int> KvmIoctl(const kvm::KernelFd& fd, unsigned long request, std::string_view name,
                     std::string_view object, unsigned long argument) {
  return Check(fd.Ioctl(request, argument), name, object);
}

}  // namespace sealvm::internal
