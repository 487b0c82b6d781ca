// SPDX-License-Identifier: Apache-2.0
#include "vmm/kvm/ioctl.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include "memory/base/fd.h"
#include "vmm/kvm/system.h"

namespace sealvm::internal {
namespace {

TEST(KvmIoctlTest, FailureNamesRequestObjectAndErrno) {
  const kvm::KernelFd null(kvm::Kernel::Real(), Fd(open("/dev/null", O_RDWR | O_CLOEXEC)));
  const Result<int> result = KvmIoctl(null, KVM_CREATE_VM, "KVM_CREATE_VM", "/dev/null", 0UL);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "ioctl(KVM_CREATE_VM on /dev/null): Inappropriate ioctl for device [ENOTTY]");
}

TEST(KvmIoctlTest, HintDependsOnCallAndErrno) {
  EXPECT_NE(KvmIoctlHint("KVM_CREATE_VM", EBUSY).find("another hypervisor"),
            std::string_view::npos);
  EXPECT_EQ(KvmIoctlHint("KVM_CREATE_VM", EPERM), "");
  EXPECT_EQ(KvmIoctlHint("KVM_GET_REGS", EBUSY), "");
}

TEST(SystemOpenTest, MissingDeviceSaysThatKvmIsNotThere) {
  const Result<kvm::System> system = kvm::System::Open("/dev/no-such-kvm");
  ASSERT_FALSE(system);
  EXPECT_EQ(system.error().os_error, ENOENT);
  EXPECT_NE(system.error().hint.find("kvm_amd or kvm_intel"), std::string::npos);
}

TEST(SystemOpenTest, ADeviceThatIsNotKvmIsRefused) {
  const Result<kvm::System> system = kvm::System::Open("/dev/null");
  ASSERT_FALSE(system);
  EXPECT_NE(system.error().message.find("KVM_GET_API_VERSION on /dev/null"), std::string::npos);
}

}  // namespace
}  // namespace sealvm::internal
