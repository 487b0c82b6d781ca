// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/system.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include "vmm/kvm/cpuid_buffer.h"
#include "vmm/kvm/ioctl.h"

namespace sealvm::kvm {
namespace {

using internal::KvmIoctl;

std::string_view OpenHint(int err) {
  switch (err) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return "KVM is not there: load kvm_amd or kvm_intel, and enable virtualization in the "
             "firmware "
             "or, inside a VM, nested virtualization";
    case EACCES:
    case EPERM:
      return "no permission: add your user to the group that owns the device (usually kvm)";
    default:
      return {};
  }
}

}  // namespace

Result<System> System::Open(const std::string& path, const std::shared_ptr<Kernel>& kernel) {
  Fd fd(kernel->Open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    const int err = errno;
    return SystemError("open", path, err, OpenHint(err));
  }
  System system(KernelFd(kernel, std::move(fd)));
  const int version =
      SEALVM_TRY(KvmIoctl(system.fd_, KVM_GET_API_VERSION, "KVM_GET_API_VERSION", path, 0UL));
  if (version != KVM_API_VERSION) {
    return HostError(
        fmt::format("{}: KVM API version {}, {} is needed", path, version, KVM_API_VERSION),
        "a kernel of 2.6.22 or later has it");
  }
  return system;
}

Result<int> System::CheckExtension(int capability) const {
  return KvmIoctl(fd_, KVM_CHECK_EXTENSION, "KVM_CHECK_EXTENSION", kDevice,
                  static_cast<unsigned long>(capability));
}

Result<size_t> System::VcpuMmapSize() const {
  const int size =
      SEALVM_TRY(KvmIoctl(fd_, KVM_GET_VCPU_MMAP_SIZE, "KVM_GET_VCPU_MMAP_SIZE", kDevice, 0UL));
  return static_cast<size_t>(size);
}

Result<std::vector<kvm_cpuid_entry2>> System::SupportedCpuid() const {
  CpuidBuffer buffer;
  SEALVM_TRY(
      KvmIoctl(fd_, KVM_GET_SUPPORTED_CPUID, "KVM_GET_SUPPORTED_CPUID", kDevice, buffer.get()));
  return buffer.Entries();
}

Result<std::optional<uint64_t>> System::Attribute(uint32_t group, uint64_t attribute) const {
  uint64_t value = 0;
  kvm_device_attr request = {};
  request.group = group;
  request.attr = attribute;
  request.addr = reinterpret_cast<uint64_t>(&value);
  const Result<int> has =
      KvmIoctl(fd_, KVM_HAS_DEVICE_ATTR, "KVM_HAS_DEVICE_ATTR", kDevice, &request);
  if (!has) {
    // ENOTTY: a kernel that knows no attributes of the system at all.
    const int err = has.error().os_error;
    if (err == ENXIO || err == EPERM || err == ENOTTY || err == EINVAL) return std::nullopt;
    return std::unexpected(has.error());
  }
  SEALVM_TRY(KvmIoctl(fd_, KVM_GET_DEVICE_ATTR, "KVM_GET_DEVICE_ATTR", kDevice, &request));
  return value;
}

Result<Vm> System::CreateVm(unsigned long type) const {
  const size_t vcpu_mmap_size = SEALVM_TRY(VcpuMmapSize());
  const int fd = SEALVM_TRY(KvmIoctl(fd_, KVM_CREATE_VM, "KVM_CREATE_VM", kDevice, type));
  return Vm(KernelFd(fd_.kernel(), Fd(fd)), vcpu_mmap_size);
}

}  // namespace sealvm::kvm
