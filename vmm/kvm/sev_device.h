// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_KVM_SEV_DEVICE_H_
#define SEALVM_VMM_KVM_SEV_DEVICE_H_

#include <stdint.h>

#include <memory>
#include <string>

#include "memory/base/fd.h"
#include "memory/base/result.h"
#include "vmm/kvm/kernel.h"

namespace sealvm::kvm {

// What the security processor's firmware says of itself (SEV_PLATFORM_STATUS of
// linux/psp-sev.h).
struct SevPlatformStatus {
  uint8_t api_major = 0;
  uint8_t api_minor = 0;
  uint8_t build = 0;
};

// /dev/sev: the AMD security processor, with whose firmware KVM's commands for SEV talk in the name
// of who opened it. Thread-safe.
class SevDevice {
 public:
  static constexpr const char* kDevice = "/dev/sev";

  // kRefused, with errno, where it is not there or may not be opened.
  static Result<SevDevice> Open(const std::shared_ptr<Kernel>& kernel = Kernel::Real());

  // Lends the descriptor for Vm::SevCommand.
  int fd() const { return fd_.get(); }
  Result<SevPlatformStatus> PlatformStatus() const;

 private:
  explicit SevDevice(KernelFd fd) : fd_(std::move(fd)) {}

  KernelFd fd_;
};

}  // namespace sealvm::kvm

#endif  // SEALVM_VMM_KVM_SEV_DEVICE_H_
