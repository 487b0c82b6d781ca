// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/sev_device.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/psp-sev.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/kvm/ioctl.h"

namespace sealvm::kvm {
namespace {

std::string_view OpenHint(int err) {
  if (err == EACCES || err == EPERM) {
    return "no permission: add your user to the group that owns the device";
  }
  return "the AMD security processor's driver is not there: enable SEV in the host's firmware and "
         "load the module ccp";
}

}  // namespace

Result<SevDevice> SevDevice::Open(const std::shared_ptr<Kernel>& kernel) {
  Fd fd(kernel->Open(kDevice, O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    const int err = errno;
    auto refused =
        Refused(fmt::format("open({}): {}", kDevice, strerror(err)), std::string(OpenHint(err)));
    refused.error().os_error = err;
    return refused;
  }
  return SevDevice(KernelFd(kernel, std::move(fd)));
}

Result<SevPlatformStatus> SevDevice::PlatformStatus() const {
  sev_user_data_status status = {};
  sev_issue_cmd command = {};
  command.cmd = SEV_PLATFORM_STATUS;
  command.data = reinterpret_cast<uint64_t>(&status);
  SEALVM_TRY(internal::KvmIoctl(fd_, SEV_ISSUE_CMD, "SEV_PLATFORM_STATUS", kDevice, &command));
  return SevPlatformStatus{
      .api_major = status.api_major, .api_minor = status.api_minor, .build = status.build};
}

}  // namespace sealvm::kvm
