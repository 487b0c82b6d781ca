// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_KERNEL_H_
#define SEALVM_VMM_KVM_KERNEL_H_

#include <memory>
#include <utility>

#include "memory/base/fd.h"

namespace sealvm::kvm {

// Who answers the system calls that System, Vm, Vcpu and SevDevice make on KVM's and the security
// processor's files: the kernel, or a double of it in tests. A double's descriptors are real ones,
// and that of a vCPU can be mapped. Thread-safe; implementations return what the call of the same
// name does, with errno.
class Kernel {
 public:
  virtual ~Kernel() = default;

  virtual int Open(const char* path, int flags) = 0;
  virtual int Ioctl(int fd, unsigned long request, unsigned long argument) = 0;

  // The one that this process runs on.
  static const std::shared_ptr<Kernel>& Real();
};

// A descriptor with who answers for it.
class KernelFd {
 public:
  KernelFd(std::shared_ptr<Kernel> kernel, Fd fd)
      : kernel_(std::move(kernel)), fd_(std::move(fd)) {}

  int get() const { return fd_.get(); }
  const std::shared_ptr<Kernel>& kernel() const { return kernel_; }
  // As ioctl(2).
  int Ioctl(unsigned long request, unsigned long argument) const {
    return kernel_->Ioctl(fd_.get(), request, argument);
  }

 private:
  std::shared_ptr<Kernel> kernel_;
  Fd fd_;
};

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_KERNEL_H_
