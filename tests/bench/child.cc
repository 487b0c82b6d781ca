// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sealvm {
namespace {

constexpr int kExecFailed = 127;

// Between vfork and exec: nothing but system calls.
[[noreturn]] void Become(char* const* arguments, int output, int null, Child::Trace trace) {
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(null, STDERR_FILENO);
  if (trace == Child::Trace::kYes) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  }
  execvp(arguments[0], arguments);
  _exit(kExecFailed);
}

// vfork: a copy of this process's page tables would be part of the measured time. In a function of
// its own, so that the child, which borrows the stack, spoils nothing.
[[gnu::noinline]] pid_t Start(char* const* arguments, int output, int null, Child::Trace trace) {
  const pid_t pid = vfork();
  if (pid == 0) {
    Become(arguments, output, null, trace);
  }
  return pid;
}

}  // namespace

Result<Child> Child::Spawn(const std::vector<std::string>& command, Trace trace) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    return SystemError("pipe2", "stdout", errno);
  }
  Fd reader(ends[0]);
  const Fd writer(ends[1]);
  const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t pid = Start(arguments.data(), writer.get(), null.get(), trace);
  if (pid < 0) {
    return SystemError("vfork", command[0], errno);
  }
  return Child(pid, std::move(reader));
}

Result<> CheckExit(const Contender& contender, int status) {
  if (WIFEXITED(status) && WEXITSTATUS(status) == contender.expected_exit) {
    return {};
  }
  return HostError(contender.name +
                   (WIFEXITED(status) ? ": exit code " + std::to_string(WEXITSTATUS(status))
                                      : ": signal " + std::to_string(WTERMSIG(status))) +
                   " of: " + contender.command[0]);
}

}  // namespace sealvm
