// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_IOCTL_H_
#define SEALVM_VMM_KVM_IOCTL_H_

#include <stdint.h>

#include <string>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/kvm/kernel.h"

namespace sealvm::internal {

// ioctl(fd, request, argument). A failure becomes an error "ioctl(NAME on OBJECT): ..." with the
// hint known for this call and errno. `name` is the request's name as in linux/kvm.h. EINTR is an
// error like any other: KVM_RUN gives it a meaning.
Result<int> KvmIoctl(const kvm::KernelFd& fd, unsigned long request, std::string_view name,
                     std::string_view object, void* argument);
Result<int> KvmIoctl(const kvm::KernelFd& fd, unsigned long request, std::string_view name,
                     std::string_view object, unsigned long argument);

// What the user can do about `err` from ioctl `name`; empty when nothing is known.
std::string_view KvmIoctlHint(std::string_view name, int err);

}  // namespace sealvm::internal

#endif  // SEALVM_VMM_KVM_IOCTL_H_
