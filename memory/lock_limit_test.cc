// SPDX-License-Identifier: Apache-2.0
#include "memory/lock_limit.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory/guest_layout.h"

namespace sealvm {
namespace {

// The exit status of `body` in a child whose soft RLIMIT_MEMLOCK is `bytes`, with CAP_IPC_LOCK only
// if the test has it and `keep_capability` says so.
template <typename Body>
int InChild(uint64_t bytes, bool keep_capability, Body body) {
  const pid_t child = fork();
  if (child == 0) {
    rlimit limit = {};
    getrlimit(RLIMIT_MEMLOCK, &limit);
    limit.rlim_cur = bytes;
    if (limit.rlim_max != RLIM_INFINITY && bytes > limit.rlim_max) _exit(100);
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0) _exit(101);
    if (!keep_capability) {
      __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
      __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
      if (syscall(SYS_capset, &header, none) != 0) _exit(102);
    }
    _exit(body() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(LockLimitTest, TheProcessesLimitIsThatOfMlock) {
  EXPECT_EQ(InChild(kMiB, false, [] { return ProcessMemoryLockLimit() == kMiB; }), 0);
  EXPECT_EQ(InChild(kMiB, false,
                    [] {
                      return CheckMemoryLockLimit(kMiB, std::nullopt).has_value() &&
                             !CheckMemoryLockLimit(kMiB + kPageSize, std::nullopt).has_value();
                    }),
            0);
}

TEST(LockLimitTest, ACapableProcessHasNone) {
  if (geteuid() != 0) GTEST_SKIP() << "needs CAP_IPC_LOCK";
  EXPECT_EQ(InChild(kMiB, true, [] { return ProcessMemoryLockLimit() == kNoMemoryLockLimit; }), 0);
}

TEST(LockLimitTest, AGivenLimitReplacesTheProcesses) {
  EXPECT_TRUE(CheckMemoryLockLimit(kGiB, kGiB).has_value());
  EXPECT_TRUE(CheckMemoryLockLimit(kGiB, kNoMemoryLockLimit).has_value());
  const Result<> over = CheckMemoryLockLimit(kGiB + kPageSize, kGiB);
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().kind, ErrorKind::kHost);
  EXPECT_NE(over.error().message.find("--memory-lock-limit"), std::string::npos);
  EXPECT_EQ(InChild(kMiB, false, [] { return CheckMemoryLockLimit(kGiB, kGiB).has_value(); }), 0);
}

TEST(LockLimitTest, TheErrorNamesWhatToRaise) {
  EXPECT_EQ(InChild(kMiB, false,
                    [] {
                      const Result<> over = CheckMemoryLockLimit(kGiB, std::nullopt);
                      return over.error().message.find("RLIMIT_MEMLOCK") != std::string::npos &&
                             over.error().hint.find("ulimit -l") != std::string::npos;
                    }),
            0);
}

}  // namespace
}  // namespace sealvm
