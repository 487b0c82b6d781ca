// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_MACHINE_VCPU_THREAD_H_
#define SEALVM_VMM_MACHINE_VCPU_THREAD_H_

#include <pthread.h>
#include <stdint.h>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>

#include "memory/base/result.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/machine/exit_dispatcher.h"
#include "vmm/machine/lifecycle.h"

namespace sealvm {

// The thread of one vCPU: runs it until the machine stops. All signals are blocked in it; the kick
// is a signal that only KVM_RUN lets through (KVM_SET_SIGNAL_MASK), so no handler is needed and the
// embedder's signals never land here.
//
// Start, Kick and Join belong to one thread at a time; counters may be read by any.
class VcpuThread {
 public:
  using ExitCounts = std::array<uint64_t, kvm::kExitKinds>;

  // `dispatcher` and `lifecycle` outlive the thread. `before_first_run` runs on the thread.
  VcpuThread(kvm::Vcpu vcpu, ExitDispatcher& dispatcher, Lifecycle& lifecycle,
             std::function<void()> before_first_run);
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;
  // The thread must have been joined or never started.
  ~VcpuThread() = default;

  Result<> Start();
  // Gets the vCPU out of the guest; it does not enter again.
  void Kick();
  // Waits for the thread's end, kicking again and again, for at most `limit`. False: it still runs.
  bool Join(std::chrono::milliseconds limit);

  kvm::Vcpu& vcpu() { return vcpu_; }
  ExitCounts exit_counts() const;

 private:
  static void* ThreadMain(void* self);
  void RunUntilStopped();
  Result<> BlockAllButKick();

  kvm::Vcpu vcpu_;
  ExitDispatcher& dispatcher_;
  Lifecycle& lifecycle_;
  std::function<void()> before_first_run_;
  std::array<std::atomic<uint64_t>, kvm::kExitKinds> exit_counts_ = {};
  pthread_t thread_ = {};
  bool started_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_MACHINE_VCPU_THREAD_H_
