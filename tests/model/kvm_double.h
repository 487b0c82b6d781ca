// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_TESTS_MODEL_KVM_DOUBLE_H_
#define SEALVM_TESTS_MODEL_KVM_DOUBLE_H_

#include <stdint.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/model/deferred_call.h"
#include "tests/model/vm_model.h"
#include "vmm/kvm/kernel.h"

namespace sealvm::model {

// One call as the double saw it.
struct Call {
  // "KVM_SET_CPUID2", "KVM_SEV_LAUNCH_START", "KVM_TDX_INIT_VCPU".
  std::string name;
  // -1: of the system, the VM or the security processor.
  int vcpu = -1;
  void* argument = nullptr;  // valid during the call
};

// What becomes of a call, by a test's wish.
struct Verdict {
  enum class Kind { kProceed, kSkip, kDefer, kProceedAndDeferred, kFail } kind = Kind::kProceed;
  int os_error = 0;
  uint64_t firmware_error = 0;  // or the status of the TDX module

  // Says that it succeeded, and does nothing.
  static Verdict Skip() { return {.kind = Kind::kSkip}; }
  // Says that it succeeded, and does it later.
  static Verdict Defer() { return {.kind = Kind::kDefer}; }
  // Does it, and then what was deferred, whose failure becomes this call's.
  static Verdict ProceedAndDeferred() { return {.kind = Kind::kProceedAndDeferred}; }
  static Verdict Fail(int err, uint64_t firmware = 0) {
    return {.kind = Kind::kFail, .os_error = err, .firmware_error = firmware};
  }
};

// /dev/kvm and /dev/sev, answered by the models. Records every call. Thread-safe; What a test
// sets, it sets before the first call.
class KvmDouble : public kvm::Kernel {
 public:
  explicit KvmDouble(HostModel host = {}) : host_(std::move(host)) {}

  int Open(const char* path, int flags) override;
  int Ioctl(int fd, unsigned long request, unsigned long argument) override;

  // Asked before each call.
  std::function<Verdict(const Call&)> intercept;
  // What one vCPU does when it runs, until the next exit, which it writes into `run`: 0 or an
  // errno. Without one it shuts down. The other vCPUs wait for ever.
  std::function<int(VmModel& vm, kvm_run& run)> guest;
  uint32_t guest_vcpu = 0;  // whose it is

  HostModel& host() { return host_; }
  // The VM that was created last.
  VmModel& vm() { return *vm_; }
  bool has_vm() const { return vm_ != nullptr; }
  // Names of the calls so far, without KVM_RUN.
  std::vector<std::string> calls() const;
  size_t CountOf(std::string_view name) const;

 private:
  enum class Kind { kSystem, kVm, kVcpu, kGuestMemfd, kSevDevice };
  struct File {
    Kind kind = Kind::kSystem;
    std::shared_ptr<VmModel> vm = {};
    std::shared_ptr<VcpuModel> vcpu = {};
  };

  struct Deferred {
    File file;
    DeferredCall call;
  };

  int NewFile(File file, uint64_t size);
  int Dispatch(const File& file, unsigned long request, unsigned long argument);
  int SystemIoctl(unsigned long request, unsigned long argument);
  int SevDeviceIoctl(unsigned long request, unsigned long argument) const;
  int VmIoctl(const File& file, unsigned long request, unsigned long argument);
  int VcpuIoctl(const File& file, unsigned long request, unsigned long argument);
  int CreateVcpu(const std::shared_ptr<VmModel>& vm, uint32_t id);
  int Encrypt(const File& file, unsigned long argument);
  int DeviceAttribute(unsigned long request, const kvm_device_attr& attribute) const;
  int Run(const File& file);

  HostModel host_;
  mutable std::recursive_mutex mutex_;
  std::map<int, File> files_;
  std::shared_ptr<VmModel> vm_;
  std::vector<std::string> calls_;
  std::optional<Deferred> deferred_;
};

}  // namespace sealvm::model

#endif  // SEALVM_TESTS_MODEL_KVM_DOUBLE_H_
