// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_VCPU_THREAD_H_
#define SEALVM_VMM_MACHINE_VCPU_THREAD_H_

#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "memory/base/result.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/machine/exit_dispatcher.h"
#include "vmm/machine/lifecycle.h"

namespace sealvm {

// Runs one vCPU until the machine stops, on a thread of its own or on the caller's. The kick is a
// signal that stays blocked and that only KVM_RUN lets through (KVM_SET_SIGNAL_MASK), so no handler
// is needed. A thread of its own takes no other signal; on the caller's thread, signals that it
// does not block interrupt KVM_RUN and reach their handlers.
//
// Start, RunOnThisThread and Join belong to one thread at a time; Kick and the counters to any.
class VcpuThread {
 public:
  using ExitCounts = std::array<uint64_t, kvm::kExitKinds>;

  // SIGRTMIN, which glibc leaves to programs.
  static int KickSignal();

  // `dispatcher` and `lifecycle` outlive the thread. `before_first_run` runs on the thread.
  VcpuThread(kvm::Vcpu vcpu, ExitDispatcher& dispatcher, Lifecycle& lifecycle,
             std::function<void()> before_first_run);
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;
  // A thread of its own must have been joined.
  ~VcpuThread() = default;

  Result<> Start();
  // Returns when the machine stops.
  void RunOnThisThread();
  // Gets the vCPU out of the guest; it does not enter again.
  void Kick();
  // Waits for the end of the thread of Start, kicking again and again, for at most `limit`. False:
  // it still runs.
  bool Join(std::chrono::milliseconds limit);

  kvm::Vcpu& vcpu() { return vcpu_; }
  ExitCounts exit_counts() const;

 private:
  static void* ThreadMain(void* self);
  void RunUntilStopped();
  // While in KVM_RUN; the kick always gets through.
  Result<> Block(sigset_t signals);
  void SetRunner(std::optional<pthread_t> runner);

  kvm::Vcpu vcpu_;
  ExitDispatcher& dispatcher_;
  Lifecycle& lifecycle_;
  std::function<void()> before_first_run_;
  std::array<std::atomic<uint64_t>, kvm::kExitKinds> exit_counts_ = {};

  pthread_t own_thread_ = {};
  bool started_ = false;

  std::mutex mutex_;
  std::condition_variable ended_;
  std::optional<pthread_t> runner_;  // the thread to kick
  bool kicked_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_VCPU_THREAD_H_
