// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/kernel.h"

#include <fcntl.h>
#include <sys/ioctl.h>

namespace sealvm::kvm {
namespace {

class RealKernel : public Kernel {
 public:
  int Open(const char* path, int flags) override { return open(path, flags); }
  int Ioctl(int fd, unsigned long request, unsigned long argument) override {
    return ioctl(fd, request, argument);
  }
};

}  // namespace

const std::shared_ptr<Kernel>& Kernel::Real() {
  static const std::shared_ptr<Kernel> kReal = std::make_shared<RealKernel>();
  return kReal;
}

}  // namespace sealvm::kvm
