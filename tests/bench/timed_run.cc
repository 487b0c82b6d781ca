// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/timed_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>

#include "memory/base/fd.h"
#include "tests/bench/child.h"

namespace sealvm {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kTimeout{10};

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double Milliseconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
}

// Reads to the pipe's end; returns when the first 'X' came. Kills the process after the timeout.
std::optional<double> WaitForPayload(int pipe, pid_t pid, Clock::time_point start) {
  std::optional<double> first;
  for (;;) {
    pollfd event = {.fd = pipe, .events = POLLIN, .revents = 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(kTimeout - (Clock::now() - start));
    if (left.count() <= 0 || poll(&event, 1, static_cast<int>(left.count())) == 0) {
      kill(pid, SIGKILL);
      return std::nullopt;
    }
    char buffer[512];
    const ssize_t size = read(pipe, buffer, sizeof(buffer));
    if (size <= 0) {
      return first;
    }
    if (!first && memchr(buffer, 'X', static_cast<size_t>(size)) != nullptr) {
      first = MillisecondsSince(start);
    }
  }
}

}  // namespace

Result<TimedRun> RunTimed(const Contender& contender) {
  const Clock::time_point start = Clock::now();
  Child child = SEALVM_TRY(Child::Spawn(contender.command));
  const auto first = WaitForPayload(child.output(), child.pid(), start);
  int status = 0;
  rusage usage = {};
  if (wait4(child.pid(), &status, 0, &usage) < 0) {
    return SystemError("wait4", contender.name, errno);
  }
  const double whole = MillisecondsSince(start);
  SEALVM_TRY(CheckExit(contender, status));
  if (!first) {
    return HostError(contender.name + ": the payload's output did not arrive");
  }
  return TimedRun{.first_instruction_ms = *first,
                  .whole_ms = whole,
                  .cpu_ms = Milliseconds(usage.ru_utime) + Milliseconds(usage.ru_stime)};
}

}  // namespace sealvm
