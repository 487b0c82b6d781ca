// SPDX-License-Identifier: Apache-2.0
#include "vmm/machine/vcpu_thread.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <utility>

#include "memory/base/signal_blocker.h"

namespace sealvm {
namespace {

// Enough for the deepest device path with logging; the default of 8 MiB is only address space, but
// 64 of them are not nothing.
constexpr size_t kStackSize = size_t{512} * 1024;

sigset_t OnlyKick() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, VcpuThread::KickSignal());
  return set;
}

// A kick that came after the last KVM_RUN would hit the caller's code when it is unblocked.
void DropPendingKicks() {
  const sigset_t kick = OnlyKick();
  const timespec at_once = {};
  while (sigtimedwait(&kick, nullptr, &at_once) > 0) continue;
}

}  // namespace

VcpuThread::VcpuThread(kvm::Vcpu vcpu, ExitDispatcher& dispatcher, Lifecycle& lifecycle,
                       std::function<void()> before_first_run)
    : vcpu_(std::move(vcpu)),
      dispatcher_(dispatcher),
      lifecycle_(lifecycle),
      before_first_run_(std::move(before_first_run)) {}

int VcpuThread::KickSignal() { return SIGRTMIN; }

Result<> VcpuThread::Start() {
  SEALVM_TRY(Block(SignalBlocker::All()));
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackSize);
  const std::lock_guard lock(mutex_);
  int err = 0;
  {
    const SignalBlocker blocker(SignalBlocker::All());
    err = pthread_create(&own_thread_, &attributes, &VcpuThread::ThreadMain, this);
  }
  pthread_attr_destroy(&attributes);
  if (err != 0) {
    return SystemError("pthread_create", fmt::format("vcpu {}", vcpu_.id()), err,
                       "the limit on threads may be reached (ulimit -u, cgroup pids.max)");
  }
  runner_ = own_thread_;
  started_ = true;
  return {};
}

void VcpuThread::RunOnThisThread() {
  const SignalBlocker blocker(OnlyKick());
  if (Result<> blocked = Block(blocker.before()); !blocked) {
    lifecycle_.RequestStop({.reason = ExitReason::kError, .error = std::move(blocked).error()});
    return;
  }
  SetRunner(pthread_self());
  RunUntilStopped();
  SetRunner(std::nullopt);
  if (kicked_) DropPendingKicks();
}

Result<> VcpuThread::Block(sigset_t signals) {
  sigdelset(&signals, KickSignal());
  return vcpu_.SetSignalMask(signals);
}

void VcpuThread::SetRunner(std::optional<pthread_t> runner) {
  const std::lock_guard lock(mutex_);
  runner_ = runner;
  if (!runner) ended_.notify_all();
}

void VcpuThread::Kick() {
  vcpu_.RequestImmediateExit();
  const std::lock_guard lock(mutex_);
  if (!runner_ || pthread_equal(*runner_, pthread_self())) return;
  kicked_ = true;
  pthread_kill(*runner_, KickSignal());
}

bool VcpuThread::Join(std::chrono::milliseconds limit) {
  if (!started_) return true;
  // KVM_RUN may be deep in a page fault when the first kick comes; a later one then counts.
  constexpr std::chrono::milliseconds kKickInterval{100};
  for (std::chrono::milliseconds waited{0}; waited <= limit; waited += kKickInterval) {
    {
      std::unique_lock lock(mutex_);
      if (ended_.wait_for(lock, kKickInterval, [this] { return !runner_; })) {
        lock.unlock();
        pthread_join(own_thread_, nullptr);
        started_ = false;
        return true;
      }
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
  auto* vcpu = static_cast<VcpuThread*>(self);
  vcpu->RunUntilStopped();
  vcpu->SetRunner(std::nullopt);
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
