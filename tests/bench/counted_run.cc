// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/counted_run.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "tests/bench/child.h"

namespace sealvm {
namespace {

constexpr uint64_t kIoctlTypeShift = 8;       // _IOC_TYPESHIFT
constexpr int kSyscallStop = SIGTRAP | 0x80;  // with PTRACE_O_TRACESYSGOOD

// Bytes of the process's resident pages in mappings smaller than a guest's memory.
uint64_t RssWithoutGuest(pid_t pid) {
  std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
  uint64_t rss = 0;
  bool is_guest = false;
  for (std::string line; std::getline(smaps, line);) {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t kib = 0;
    if (sscanf(line.c_str(), "%lx-%lx ", &start, &end) == 2) {
      is_guest = end - start >= kBenchGuestMemory;
    } else if (!is_guest && sscanf(line.c_str(), "Rss: %lu kB", &kib) == 1) {
      rss += kib * 1024;
    }
  }
  return rss;
}

// Follows a process and its threads until the last has gone.
class Tracer {
 public:
  explicit Tracer(pid_t leader) : leader_(leader) {}

  // The leader's wait status, or an error.
  Result<int> Follow() {
    while (!done_) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, __WALL);
      if (pid < 0) {
        return SystemError("waitpid", "the traced process", errno);
      }
      HandleStatus(pid, status);
    }
    return exit_status_;
  }
  const CountedRun& counts() const { return counts_; }

 private:
  void HandleStatus(pid_t pid, int status) {
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
      done_ = pid == leader_;
      exit_status_ = status;
      return;
    }
    int deliver = 0;
    if (WSTOPSIG(status) == kSyscallStop) {
      CountSyscall(pid);
    } else if (!options_set_) {
      options_set_ = true;
      counts_.syscalls = 1;  // the exec, whose entry was not seen
      ptrace(PTRACE_SETOPTIONS, pid, nullptr,
             PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                 PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL);
    } else if (WSTOPSIG(status) != SIGTRAP && !IsNewThread(pid, WSTOPSIG(status))) {
      deliver = WSTOPSIG(status);
    }
    ptrace(PTRACE_SYSCALL, pid, nullptr, deliver);
  }

  // A new thread reports itself with a SIGSTOP that nobody sent.
  bool IsNewThread(pid_t pid, int signal) {
    return signal == SIGSTOP && pid != leader_ && threads_.insert(pid).second;
  }

  void CountSyscall(pid_t pid) {
    __ptrace_syscall_info info = {};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY) {
      return;
    }
    ++counts_.syscalls;
    const bool is_kvm =
        info.entry.nr == SYS_ioctl && (info.entry.args[1] >> kIoctlTypeShift & 0xff) == KVMIO;
    counts_.kvm_ioctls += is_kvm ? 1 : 0;
    if (is_kvm && info.entry.args[1] == KVM_RUN && counts_.syscalls_at_start == 0) {
      counts_.syscalls_at_start = counts_.syscalls;
    }
    counts_.peak_rss = std::max(counts_.peak_rss, RssWithoutGuest(leader_));
  }

  pid_t leader_;
  bool options_set_ = false;
  bool done_ = false;
  int exit_status_ = 0;
  std::set<pid_t> threads_;
  CountedRun counts_;
};

}  // namespace

Result<CountedRun> RunCounted(const Contender& contender) {
  const Child child = SEALVM_TRY(Child::Spawn(contender.command, Child::Trace::kYes));
  Tracer tracer(child.pid());
  const int status = SEALVM_TRY(tracer.Follow());
  SEALVM_TRY(CheckExit(contender, status));
  return tracer.counts();
}

}  // namespace sealvm
