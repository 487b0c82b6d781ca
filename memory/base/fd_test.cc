// SPDX-License-Identifier: Apache-2.0
#include "memory/base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

int OpenNull() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(FdTest, ClosesWhenDestroyed) {
  int raw;
  {
    Fd fd(OpenNull());
    raw = fd.get();
    ASSERT_TRUE(IsOpen(raw));
  }
  EXPECT_FALSE(IsOpen(raw));
}

TEST(FdTest, MoveLeavesTheSourceEmpty) {
  Fd from(OpenNull());
  const int raw = from.get();
  Fd to(std::move(from));
  EXPECT_FALSE(
      from.valid());  // NOLINT(bugprone-use-after-move): the moved-from state is the subject
  EXPECT_EQ(to.get(), raw);
}

TEST(FdTest, MoveAssignmentClosesTheOldOne) {
  Fd target(OpenNull());
  const int old = target.get();
  Fd source(OpenNull());
  const int kept = source.get();
  target = std::move(source);
  EXPECT_FALSE(IsOpen(old));
  EXPECT_TRUE(IsOpen(kept));
}

TEST(FdTest, ReleaseGivesOwnershipUp) {
  Fd fd(OpenNull());
  const int raw = fd.Release();
  EXPECT_FALSE(fd.valid());
  EXPECT_TRUE(IsOpen(raw));
  close(raw);
}

}  // namespace
}  // namespace sealvm
