// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/host_advice.h"

#include <errno.h>

namespace sealvm {
namespace {

std::string KernelNeeded(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSealed:
      return "run Linux 6.18 or newer, whose KVM gives plain guests private memory";
    case IsolationMode::kSnp:
      return "run Linux 6.11 or newer with CONFIG_KVM_AMD_SEV";
    case IsolationMode::kTdx:
      return "run Linux 6.16 or newer with CONFIG_KVM_INTEL_TDX";
    default:
      return "run a newer kernel";
  }
}

std::string KernelOptionNeeded(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSealed:
      return "use a kernel with guest_memfd for plain guests (6.18), or one with "
             "CONFIG_KVM_SW_PROTECTED_VM";
    case IsolationMode::kSev:
    case IsolationMode::kSevEs:
    case IsolationMode::kSnp:
      return "use a kernel with CONFIG_KVM_AMD_SEV";
    case IsolationMode::kTdx:
      return "use a kernel with CONFIG_KVM_INTEL_TDX";
    default:
      return "use a kernel with CONFIG_KVM";
  }
}

std::string CpuNeeded(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSev:
    case IsolationMode::kSevEs:
      return "needs an AMD EPYC processor with SEV";
    case IsolationMode::kSnp:
      return "needs an AMD EPYC processor of the third generation (Milan) or newer";
    case IsolationMode::kTdx:
      return "needs an Intel Xeon processor with TDX";
    default:
      return "needs a processor with AMD-V or Intel VT-x, or nested virtualization switched on in "
             "the VM that this host is";
  }
}

std::string FirmwareSetting(IsolationMode mode) {
  switch (mode) {
    case IsolationMode::kSev:
    case IsolationMode::kSevEs:
    case IsolationMode::kSnp:
      return "switch SME and SEV (for snp: SEV-SNP) on in the BIOS, and load kvm_amd with sev=1";
    case IsolationMode::kTdx:
      return "switch TME-MT and TDX on in the BIOS, and load kvm_intel with tdx=1";
    default:
      return "switch SVM or VT-x on in the BIOS";
  }
}

std::string IoUringAdvice(int os_error) {
  switch (os_error) {
    case ENOSYS:
      return "use a kernel with CONFIG_IO_URING; without it disks have threads";
    case EPERM:
      return "run sysctl kernel.io_uring_disabled=0, in a container let seccomp pass io_uring; "
             "without it disks have threads";
    case ENOMEM:
      return "raise the limit of locked memory (ulimit -l); without io_uring disks have threads";
    default:
      return "without it disks have threads";
  }
}

std::string TunAdvice(int os_error) {
  switch (os_error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return "load the module (modprobe tun); in a container, pass /dev/net/tun in; only "
             "--net tap needs it";
    case EACCES:
    case EPERM:
      return "give the user access to the node with a udev rule; only --net tap needs it";
    default:
      return "only --net tap needs it";
  }
}

}  // namespace

std::string AdviceFor(const ModeReport& mode) {
  for (const Prerequisite& prerequisite : mode.prerequisites) {
    if (prerequisite.met == Met::kNo && prerequisite.obstacle == mode.obstacle) {
      return prerequisite.advice;
    }
  }
  switch (mode.obstacle) {
    case Obstacle::kNone:
      return {};
    case Obstacle::kNoKvmDevice:
      return "load the module (modprobe kvm_amd or kvm_intel); in a container, pass /dev/kvm in; "
             "in "
             "a VM, switch nested virtualization on";
    case Obstacle::kNoKvmPermission:
      return "add the user to the group of /dev/kvm (usermod -aG kvm USER) and log in again";
    case Obstacle::kKvmBroken:
      return "look into the kernel's log (dmesg) for what KVM says";
    case Obstacle::kKernelTooOld:
      return KernelNeeded(mode.mode);
    case Obstacle::kKernelOption:
      return KernelOptionNeeded(mode.mode);
    case Obstacle::kNoMemoryProvider:
      return KernelOptionNeeded(IsolationMode::kSealed);
    case Obstacle::kCpuFeature:
      return CpuNeeded(mode.mode);
    case Obstacle::kFirmwareDisabled:
      return FirmwareSetting(mode.mode);
    case Obstacle::kNoDeviceNode:
      return "load the driver that makes the node (ccp for /dev/sev), or pass it into the "
             "container";
    case Obstacle::kNoDevicePermission:
      return "give the user access to the node with a udev rule";
  }
  return {};
}

std::string AdviceFor(const FacilityReport& report) {
  if (report.usable) return {};
  switch (report.facility) {
    case HostFacility::kIoUring:
      return IoUringAdvice(report.os_error);
    case HostFacility::kTun:
      return TunAdvice(report.os_error);
    case HostFacility::kPasst:
      return "install the package passt; only --net user needs it";
    case HostFacility::kVirtiofsd:
      return "install the package virtiofsd (Debian 13 and newer); only --fs needs it";
  }
  return {};
}

}  // namespace sealvm
