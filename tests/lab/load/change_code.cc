// SPDX-License-Identifier: Apache-2.0
// usage: change_code SECONDS
//
// Makes one VM after the other while threads keep the scheduler busy, and prints "vms=N". With the
// first VM and the last one Linux patches the scheduler, for the key of KVM's preempt notifiers. An
// emulator that goes on with its translation of the old code brings the kernel down within minutes
// if its machine has fewer processors than it has vCPUs that run.
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include <charconv>
#include <chrono>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

#include "memory/base/fd.h"
#include "memory/base/result.h"

namespace sealvm::load {
namespace {

constexpr char kKvm[] = "/dev/kvm";
constexpr int kSleepers = 4;  // two for each processor of an L1
constexpr int64_t kMaxSeconds = 3600;

void SwitchTasks(const std::stop_token& stop) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::microseconds(1));
}

Result<uint64_t> MakeVms(std::chrono::seconds time) {
  const Fd kvm(open(kKvm, O_RDWR | O_CLOEXEC));
  if (!kvm.valid()) return SystemError("open", kKvm, errno);
  std::vector<std::jthread> sleepers;
  for (int i = 0; i < kSleepers; ++i) sleepers.emplace_back(SwitchTasks);
  const auto end = std::chrono::steady_clock::now() + time;
  uint64_t vms = 0;
  for (; std::chrono::steady_clock::now() < end; ++vms) {
    const Fd vm(ioctl(kvm.get(), KVM_CREATE_VM, 0));
    if (!vm.valid()) return SystemError("KVM_CREATE_VM", kKvm, errno);
    const Fd vcpu(ioctl(vm.get(), KVM_CREATE_VCPU, 0));
    if (!vcpu.valid()) return SystemError("KVM_CREATE_VCPU", kKvm, errno);
  }
  return vms;
}

int Main(int count, char** arguments) {
  const std::string_view text = count == 2 ? arguments[1] : "";
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 1 ||
      seconds > kMaxSeconds) {
    fputs("usage: change_code SECONDS\n", stderr);
    return 2;
  }
  const Result<uint64_t> vms = MakeVms(std::chrono::seconds(seconds));
  if (!vms) {
    fprintf(stderr, "change_code: %s\n", vms.error().ToString().c_str());
    return 1;
  }
  printf("vms=%lu\n", *vms);
  return 0;
}

}  // namespace
}  // namespace sealvm::load

int main(int count, char** arguments) { return sealvm::load::Main(count, arguments); }
