// SPDX-License-Identifier: Apache-2.0
#include "memory/base/result.h"

#include <errno.h>
#include <gtest/gtest.h>

#include <memory>

namespace sealvm {
namespace {

Result<int> Fails() { return InvalidInput("--cpus 0: too few", "give 1 to 64"); }
Result<std::unique_ptr<int>> MakesSeven() { return std::make_unique<int>(7); }

Result<int> AddsOneToFailure() { return SEALVM_TRY(Fails()) + 1; }
Result<int> AddsOneToSeven() {
  std::unique_ptr<int> seven = SEALVM_TRY(MakesSeven());
  return *seven + 1;
}

TEST(ResultTest, SystemErrorNamesCallObjectAndErrno) {
  const Result<> result = SystemError("open", "/dev/kvm", EACCES, "join the group kvm");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "open(/dev/kvm): Permission denied [EACCES]");
  EXPECT_EQ(result.error().os_error, EACCES);
  EXPECT_EQ(result.error().kind, ErrorKind::kHost);
  EXPECT_EQ(result.error().ToString(),
            "open(/dev/kvm): Permission denied [EACCES] (join the group kvm)");
}

TEST(ResultTest, SystemErrorSurvivesAnUnknownErrno) {
  const Result<> result = SystemError("ioctl", "vm", 99999);
  EXPECT_EQ(result.error().message, "ioctl(vm): error");
  EXPECT_EQ(result.error().os_error, 99999);
}

TEST(ResultTest, TryPassesTheErrorOn) {
  const Result<int> result = AddsOneToFailure();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kInvalidInput);
  EXPECT_EQ(result.error().message, "--cpus 0: too few");
}

TEST(ResultTest, TryYieldsMoveOnlyValues) {
  const Result<int> result = AddsOneToSeven();
  ASSERT_TRUE(result);
  EXPECT_EQ(*result, 8);
}

TEST(ResultTest, ContextIsPutBeforeTheMessageAndKeepsTheRest) {
  const Result<int> result = WithContext(Fails().error(), "config.toml");
  EXPECT_EQ(result.error().message, "config.toml: --cpus 0: too few");
  EXPECT_EQ(result.error().hint, "give 1 to 64");
}

TEST(ResultTest, RefusedHasItsOwnKind) {
  const Result<> result = Refused("isolation snp: no /dev/sev");
  EXPECT_EQ(result.error().kind, ErrorKind::kRefused);
}

}  // namespace
}  // namespace sealvm
