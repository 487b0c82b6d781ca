// SPDX-License-Identifier: Apache-2.0
#include "tests/model/kvm_double.h"

#include <errno.h>
#include <linux/psp-sev.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <string_view>

#include "tests/model/call_name.h"
#include "tests/model/sev_model.h"
#include "tests/model/snp_model.h"
#include "tests/model/tdx_model.h"

namespace sealvm::model {
namespace {

constexpr uint64_t kRunSize = 12288;  // as KVM's on x86 without dirty rings

int Fail(int err) {
  errno = err;
  return -1;
}

int ToResult(int err) { return err == 0 ? 0 : Fail(err); }

template <typename T>
T& At(unsigned long argument) {
  return *reinterpret_cast<T*>(argument);
}

// What a caller sees of a call that has done all that it was to do.
int ClaimSuccess(const Call& call) {
  const auto argument = reinterpret_cast<unsigned long>(call.argument);
  // These say by their struct how much is still to be done.
  if (call.name == "KVM_SEV_SNP_LAUNCH_UPDATE") {
    At<kvm_sev_snp_launch_update>(At<kvm_sev_cmd>(argument).data).len = 0;
  } else if (call.name == "KVM_TDX_INIT_MEM_REGION") {
    At<kvm_tdx_init_mem_region>(At<kvm_tdx_cmd>(argument).data).nr_pages = 0;
  }
  return 0;
}

// As in KVM_RUN of a vCPU that waits for an IPI: until a signal comes that KVM lets
// through. VcpuThread's kick is one that stays blocked.
void WaitForKick(const kvm_run& run) {
  const timespec tick = {.tv_sec = 0, .tv_nsec = 1'000'000};
  sigset_t pending;
  do {
    if (std::atomic_ref(const_cast<kvm_run&>(run).immediate_exit).load() != 0) return;
    nanosleep(&tick, nullptr);
    sigpending(&pending);
  } while (sigismember(&pending, SIGRTMIN) == 0);
}

// XCR0 bits 17 and 18 (leaf 0xD) are for processes that asked for them by arch_prctl (Linux
// Documentation/arch/x86/xstate.rst).
bool HasAmxState(const kvm_cpuid_entry2& entry) {
  return entry.function == 0xd && entry.index == 0 && (entry.eax & 0x60000) != 0;
}

}  // namespace

int KvmDouble::NewFile(File file, uint64_t size) {
  const int fd = memfd_create("kvm double", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) != 0) return -1;
  files_[fd] = std::move(file);
  return fd;
}

int KvmDouble::Open(const char* path, int) {
  const std::lock_guard lock(mutex_);
  const std::string_view name = path;
  if (name == "/dev/kvm") return NewFile({.kind = Kind::kSystem}, 0);
  if (name == "/dev/sev" && host_.has_sev_device) return NewFile({.kind = Kind::kSevDevice}, 0);
  return Fail(ENOENT);
}

int KvmDouble::Ioctl(int fd, unsigned long request, unsigned long argument) {
  std::unique_lock lock(mutex_);
  const auto found = files_.find(fd);
  if (found == files_.end()) return Fail(EBADF);
  const File file = found->second;
  if (request == KVM_RUN) {
    lock.unlock();
    return Run(file);
  }
  const Call call = {.name = CallName(file.vm && file.vm->tdx, request, argument),
                     .vcpu = file.vcpu ? static_cast<int>(file.vcpu->id) : -1,
                     .argument = reinterpret_cast<void*>(argument)};
  calls_.push_back(call.name);
  const Verdict verdict = intercept ? intercept(call) : Verdict();
  switch (verdict.kind) {
    case Verdict::Kind::kProceed:
      return Dispatch(file, request, argument);
    case Verdict::Kind::kSkip:
      return ClaimSuccess(call);
    case Verdict::Kind::kDefer:
      deferred_.emplace(Deferred{file, DeferredCall(file.vm && file.vm->tdx, request, argument)});
      return ClaimSuccess(call);
    case Verdict::Kind::kProceedAndDeferred: {
      const int result = Dispatch(file, request, argument);
      if (result < 0 || !deferred_) return result;
      Deferred deferred = *std::exchange(deferred_, std::nullopt);
      const int late = Dispatch(deferred.file, deferred.call.request(), deferred.call.argument());
      return late < 0 ? late : result;
    }
    case Verdict::Kind::kFail:
      break;
  }
  if (request == KVM_MEMORY_ENCRYPT_OP) {
    if (file.vm && file.vm->tdx) {
      At<kvm_tdx_cmd>(argument).hw_error = verdict.firmware_error;
    } else {
      At<kvm_sev_cmd>(argument).error = static_cast<uint32_t>(verdict.firmware_error);
    }
  }
  return Fail(verdict.os_error);
}

int KvmDouble::Dispatch(const File& file, unsigned long request, unsigned long argument) {
  switch (file.kind) {
    case Kind::kSystem:
      return SystemIoctl(request, argument);
    case Kind::kVm:
      return VmIoctl(file, request, argument);
    case Kind::kVcpu:
      return VcpuIoctl(file, request, argument);
    case Kind::kSevDevice:
      return SevDeviceIoctl(request, argument);
    case Kind::kGuestMemfd:
      break;
  }
  return Fail(ENOTTY);
}

int KvmDouble::SevDeviceIoctl(unsigned long request, unsigned long argument) const {
  if (request != SEV_ISSUE_CMD) return Fail(ENOTTY);
  const auto& command = At<sev_issue_cmd>(argument);
  if (command.cmd != SEV_PLATFORM_STATUS) return Fail(EINVAL);
  auto& status = At<sev_user_data_status>(static_cast<unsigned long>(command.data));
  status = {};
  status.api_major = host_.api_major;
  status.api_minor = host_.api_minor;
  status.build = static_cast<uint8_t>(host_.build);
  return 0;
}

int KvmDouble::DeviceAttribute(unsigned long request, const kvm_device_attr& attribute) const {
  if (attribute.group != KVM_X86_GRP_SEV) return ENXIO;
  std::optional<uint64_t> value;
  if (attribute.attr == KVM_X86_SEV_VMSA_FEATURES) value = host_.vmsa_features;
  if (attribute.attr == KVM_X86_SNP_POLICY_BITS) value = host_.snp_policy_bits;
  if (attribute.attr == KVM_X86_SEV_SNP_REQ_CERTS) value = host_.snp_certificates;
  if (!value) return ENXIO;
  if (request == KVM_GET_DEVICE_ATTR) At<uint64_t>(attribute.addr) = *value;
  return 0;
}

int KvmDouble::SystemIoctl(unsigned long request, unsigned long argument) {
  switch (request) {
    case KVM_GET_API_VERSION:
      return KVM_API_VERSION;
    case KVM_GET_VCPU_MMAP_SIZE:
      return static_cast<int>(kRunSize);
    case KVM_CHECK_EXTENSION:
      // Without a VM the answer is for one that can have it (virt/kvm/kvm_main.c).
      if (argument == KVM_CAP_GUEST_MEMFD) return 1;
      if (argument == KVM_CAP_MEMORY_ATTRIBUTES) return KVM_MEMORY_ATTRIBUTE_PRIVATE;
      return VmModel(host_, KVM_X86_DEFAULT_VM).CheckExtension(static_cast<long>(argument));
    case KVM_GET_SUPPORTED_CPUID: {
      auto& out = At<kvm_cpuid2>(argument);
      if (out.nent < host_.supported_cpuid.size()) return Fail(E2BIG);
      out.nent = static_cast<uint32_t>(host_.supported_cpuid.size());
      std::ranges::copy(host_.supported_cpuid, out.entries);
      return 0;
    }
    case KVM_HAS_DEVICE_ATTR:
    case KVM_GET_DEVICE_ATTR:
      return ToResult(DeviceAttribute(request, At<kvm_device_attr>(argument)));
    case KVM_CREATE_VM:
      if (argument > 63 || (host_.vm_types >> argument & 1) == 0) return Fail(EINVAL);
      vm_ = std::make_shared<VmModel>(host_, argument);
      return NewFile({.kind = Kind::kVm, .vm = vm_}, 0);
    default:
      return Fail(ENOTTY);
  }
}

int KvmDouble::VmIoctl(const File& file, unsigned long request, unsigned long argument) {
  VmModel& vm = *file.vm;
  switch (request) {
    case KVM_CHECK_EXTENSION:
      return vm.CheckExtension(static_cast<long>(argument));
    case KVM_ENABLE_CAP:
      return ToResult(vm.EnableCap(At<kvm_enable_cap>(argument)));
    case KVM_CREATE_IRQCHIP:
      return ToResult(vm.CreateIrqchip());
    case KVM_SET_TSC_KHZ:
      return ToResult(vm.SetTscKhz(static_cast<uint32_t>(argument)));
    case KVM_GET_TSC_KHZ:
      return static_cast<int>(vm.tsc_khz);
    case KVM_CREATE_GUEST_MEMFD: {
      const auto& create = At<kvm_create_guest_memfd>(argument);
      if (!vm.has_private_memory() || create.size == 0 || create.size % 4096 != 0) {
        return Fail(EINVAL);
      }
      const int fd = NewFile({.kind = Kind::kGuestMemfd}, create.size);
      vm.guest_memfds[fd] = create.size;
      return fd;
    }
    case KVM_SET_USER_MEMORY_REGION: {
      const auto& region = At<kvm_userspace_memory_region>(argument);
      return ToResult(vm.SetMemoryRegion(
          {.gpa = region.guest_phys_addr, .size = region.memory_size, .hva = region.userspace_addr},
          region.slot, region.flags));
    }
    case KVM_SET_USER_MEMORY_REGION2: {
      const auto& region = At<kvm_userspace_memory_region2>(argument);
      return ToResult(vm.SetMemoryRegion({.gpa = region.guest_phys_addr,
                                          .size = region.memory_size,
                                          .hva = region.userspace_addr,
                                          .private_fd = static_cast<int>(region.guest_memfd),
                                          .private_offset = region.guest_memfd_offset},
                                         region.slot, region.flags));
    }
    case KVM_SET_MEMORY_ATTRIBUTES:
      return ToResult(vm.SetMemoryAttributes(At<kvm_memory_attributes>(argument)));
    case KVM_MEMORY_ENCRYPT_REG_REGION:
      return ToResult(vm.RegisterRegion(At<kvm_enc_region>(argument)));
    case KVM_MEMORY_ENCRYPT_OP:
      return Encrypt(file, argument);
    case KVM_CREATE_VCPU:
      return CreateVcpu(file.vm, static_cast<uint32_t>(argument));
    // Interrupts and doorbells play no part in a launch.
    case KVM_IRQ_LINE:
    case KVM_IRQFD:
    case KVM_IOEVENTFD:
    case KVM_SET_GSI_ROUTING:
    case KVM_SIGNAL_MSI:
      return 0;
    default:
      return Fail(ENOTTY);
  }
}

int KvmDouble::CreateVcpu(const std::shared_ptr<VmModel>& vm, uint32_t id) {
  if (const int err = vm->CheckNewVcpu(id); err != 0) return Fail(err);
  auto vcpu = std::make_shared<VcpuModel>(id);
  const int fd = NewFile({.kind = Kind::kVcpu, .vm = vm, .vcpu = vcpu}, kRunSize);
  if (fd < 0) return fd;
  Result<Mapping> run =
      Mapping::Create(kRunSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0, "run page");
  if (!run) return Fail(ENOMEM);
  vcpu->run = *std::move(run);
  vm->vcpus.push_back(vcpu);
  return fd;
}

int KvmDouble::Encrypt(const File& file, unsigned long argument) {
  VmModel& vm = *file.vm;
  if (vm.tdx) {
    auto& command = At<kvm_tdx_cmd>(argument);
    return ToResult(file.vcpu ? vm.tdx->VcpuCommand(*file.vcpu, command)
                              : vm.tdx->VmCommand(command));
  }
  if (!vm.sev && !vm.snp) return Fail(ENOTTY);
  auto& command = At<kvm_sev_cmd>(argument);
  const auto device = files_.find(static_cast<int>(command.sev_fd));
  const bool has_device = device != files_.end() && device->second.kind == Kind::kSevDevice;
  return ToResult(vm.sev ? vm.sev->Command(command, has_device)
                         : vm.snp->Command(command, has_device));
}

int KvmDouble::VcpuIoctl(const File& file, unsigned long request, unsigned long argument) {
  VcpuModel& vcpu = *file.vcpu;
  switch (request) {
    case KVM_SET_CPUID2: {
      const auto& table = At<kvm_cpuid2>(argument);
      const std::span<const kvm_cpuid_entry2> entries(table.entries, table.nent);
      if (std::ranges::any_of(entries, HasAmxState)) return Fail(EPERM);
      vcpu.cpuid.assign(entries.begin(), entries.end());
      return 0;
    }
    case KVM_SET_SIGNAL_MASK:
      return 0;
    case KVM_MEMORY_ENCRYPT_OP:
      return file.vm->tdx ? Encrypt(file, argument) : Fail(ENOTTY);
    default:
      break;
  }
  // The state of a TD's vCPUs is the module's, and what is in a VMSA nobody's.
  if (vcpu.protected_state || file.vm->tdx) return Fail(EINVAL);
  switch (request) {
    case KVM_GET_SREGS:
      At<kvm_sregs>(argument) = vcpu.sregs;
      return 0;
    case KVM_SET_SREGS:
      vcpu.sregs = At<kvm_sregs>(argument);
      return 0;
    case KVM_GET_REGS:
      At<kvm_regs>(argument) = vcpu.regs;
      return 0;
    case KVM_SET_REGS:
      vcpu.regs = At<kvm_regs>(argument);
      return 0;
    case KVM_SET_FPU:
      vcpu.fpu = At<kvm_fpu>(argument);
      return 0;
    default:
      return Fail(ENOTTY);
  }
}

int KvmDouble::Run(const File& file) {
  if (!file.vcpu) return Fail(ENOTTY);
  auto& run = *reinterpret_cast<kvm_run*>(file.vcpu->run.data());
  if (std::atomic_ref(run.immediate_exit).load() != 0) return Fail(EINTR);
  {
    const std::lock_guard lock(mutex_);
    // Without CPUID no guest gets far.
    const auto blind = [](const auto& vcpu) { return vcpu->cpuid.empty(); };
    if (std::ranges::any_of(file.vm->vcpus, blind)) return Fail(EINVAL);
    if (const int err = file.vm->CheckRun(*file.vcpu); err != 0) return Fail(err);
  }
  if (file.vcpu->id != guest_vcpu) {
    WaitForKick(run);
    return Fail(EINTR);
  }
  if (guest) return ToResult(guest(*file.vm, run));
  run.exit_reason = KVM_EXIT_SHUTDOWN;
  return 0;
}

std::vector<std::string> KvmDouble::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

size_t KvmDouble::CountOf(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return static_cast<size_t>(std::ranges::count(calls_, name));
}

}  // namespace sealvm::model
