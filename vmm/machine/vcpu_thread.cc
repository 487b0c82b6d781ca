// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpu_thread.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include <algorithm>
#include <utility>

namespace sealvm {
namespace {

// Enough for the deepest device path with logging; the default of 8 MiB is only address space, but
// 64 of them are not nothing.
constexpr size_t kStackSize = size_t{512} * 1024;

int KickSignal() { return SIGRTMIN; }

timespec DeadlineIn(std::chrono::milliseconds delay) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t nanoseconds = now.tv_nsec + delay.count() % 1000 * 1'000'000;
  now.tv_sec += delay.count() / 1000 + nanoseconds / 1'000'000'000;
  now.tv_nsec = nanoseconds % 1'000'000'000;
  return now;
}

}  // namespace

VcpuThread::VcpuThread(kvm::Vcpu vcpu, ExitDispatcher& dispatcher, Lifecycle& lifecycle,
                       std::function<void()> before_first_run)
    : vcpu_(std::move(vcpu)),
      dispatcher_(dispatcher),
      lifecycle_(lifecycle),
      before_first_run_(std::move(before_first_run)) {}

Result<> VcpuThread::Start() {
  SEALVM_TRY(BlockAllButKick());
  sigset_t all;
  sigfillset(&all);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  pthread_attr_setsigmask_np(&attributes, &all);
  const int err = pthread_create(&thread_, &attributes, &VcpuThread::ThreadMain, this);
  pthread_attr_destroy(&attributes);
  if (err != 0) {
    return SystemError("pthread_create", fmt::format("vcpu {}", vcpu_.id()), err,
                       "the limit on threads may be reached (ulimit -u, cgroup pids.max)");
  }
  started_ = true;
  return {};
}

Result<> VcpuThread::BlockAllButKick() {
  sigset_t blocked;
  sigfillset(&blocked);
  sigdelset(&blocked, KickSignal());
  return vcpu_.SetSignalMask(blocked);
}

void VcpuThread::Kick() {
  vcpu_.RequestImmediateExit();
  if (started_) pthread_kill(thread_, KickSignal());
}

bool VcpuThread::Join(std::chrono::milliseconds limit) {
  if (!started_) return true;
  // KVM_RUN may be deep in a page fault when the first kick comes; a later one then counts.
  constexpr std::chrono::milliseconds kKickInterval{100};
  for (std::chrono::milliseconds waited{0}; waited <= limit; waited += kKickInterval) {
    const timespec deadline = DeadlineIn(kKickInterval);
    if (pthread_clockjoin_np(thread_, nullptr, CLOCK_MONOTONIC, &deadline) == 0) {
      started_ = false;
      return true;
    }
    Kick();
  }
  return false;
}

VcpuThread::ExitCounts VcpuThread::exit_counts() const {
  ExitCounts counts;
  std::ranges::transform(exit_counts_, counts.begin(),
                         [](const auto& count) { return count.load(std::memory_order_relaxed); });
  return counts;
}

void* VcpuThread::ThreadMain(void* self) {
  static_cast<VcpuThread*>(self)->RunUntilStopped();
  return nullptr;
}

void VcpuThread::RunUntilStopped() {
  if (before_first_run_) before_first_run_();
  while (!lifecycle_.stop_requested()) {
    Result<kvm::VcpuExit> exit = vcpu_.Run();
    if (!exit) {
      lifecycle_.RequestStop({.reason = ExitReason::kError, .error = std::move(exit).error()});
      return;
    }
    exit_counts_[exit->index()].fetch_add(1, std::memory_order_relaxed);
    if (std::optional<ExitReport> report = dispatcher_.Dispatch(vcpu_, *exit)) {
      lifecycle_.RequestStop(*std::move(report));
      return;
    }
  }
}

}  // namespace sealvm
