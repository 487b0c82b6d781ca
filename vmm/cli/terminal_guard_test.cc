// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/terminal_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "memory/base/fd.h"

namespace sealvm {
namespace {

// Raw mode itself needs a controlling terminal and is tested from outside, by tests/cli.

TEST(TerminalGuardTest, PipeIsLeftAlone) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  const Fd writer(ends[1]);
  TerminalGuard guard(reader.get());
  EXPECT_FALSE(guard.is_terminal());
  EXPECT_TRUE(guard.MayRead());
  guard.EnterRaw();
  guard.Restore();
}

TEST(TerminalGuardTest, ForeignTerminalIsNotTouched) {
  const Fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master.valid());
  ASSERT_EQ(unlockpt(master.get()), 0);
  const Fd slave(open(ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(slave.valid());
  termios before;
  ASSERT_EQ(tcgetattr(slave.get(), &before), 0);

  TerminalGuard guard(slave.get());
  EXPECT_TRUE(guard.is_terminal());
  EXPECT_FALSE(guard.MayRead());
  guard.EnterRaw();

  termios after;
  ASSERT_EQ(tcgetattr(slave.get(), &after), 0);
  EXPECT_EQ(after.c_lflag, before.c_lflag);
  EXPECT_EQ(after.c_iflag, before.c_iflag);
}

}  // namespace
}  // namespace sealvm
