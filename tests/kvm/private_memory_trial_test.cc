// SPDX-License-Identifier: Apache-2.0
// The trial of private memory on the machine's own KVM. Whether it succeeds depends on the machine;
// that its verdict agrees with what can be seen otherwise does not.
#include "vmm/isolation/private_memory_trial.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <string.h>
#include <unistd.h>

#include "vmm/isolation/speed_probe.h"

namespace sealvm {
namespace {

using testing::HasSubstr;
using testing::Not;

class PrivateMemoryTrialTest : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kvm::System::kDevice, R_OK | W_OK) != 0) {
      GTEST_SKIP() << kvm::System::kDevice << ": " << strerror(errno);
    }
    system_.emplace(*kvm::System::Open());
  }
  const kvm::System& system() const { return *system_; }
  int VmCapability(int capability) const {
    return *system().CreateVm()->CheckExtension(capability);
  }

 private:
  std::optional<kvm::System> system_;
};

TEST_F(PrivateMemoryTrialTest, EveryKindHasAVerdictAndAReason) {
  const std::vector<PrivateMemoryReport> reports = TryAllPrivateMemory(system());
  ASSERT_EQ(reports.size(), kPrivateMemoryKinds.size());
  for (const PrivateMemoryReport& report : reports) {
    EXPECT_FALSE(report.reason.empty()) << report.provider;
    EXPECT_TRUE(report.present || !report.works) << report.provider;
    if (report.present && !report.works) {
      EXPECT_THAT(report.reason, HasSubstr("the micro guest failed at "));
    }
  }
}

TEST_F(PrivateMemoryTrialTest, GuestMemfdIsThereExactlyWhereKvmSaysSo) {
  const bool has_flag =
      (VmCapability(KVM_CAP_GUEST_MEMFD_FLAGS) & static_cast<int>(GUEST_MEMFD_FLAG_MMAP)) != 0;
  const auto report = TryPrivateMemory(PrivateMemoryKind::kGuestMemfd, system());
  ASSERT_TRUE(report.has_value()) << report.error().ToString();
  EXPECT_EQ(report->present, has_flag) << report->reason;
}

// A KVM that emulates guest kernel code does so through the host's mapping: capability bits are
// there, and yet no guest can live in private memory.
TEST_F(PrivateMemoryTrialTest, EmulatingKvmFailsThough) {
  const Result<GuestSpeed> speed = MeasureGuestSpeed(system());
  ASSERT_TRUE(speed.has_value());
  if (speed->hardware_speed) GTEST_SKIP() << "guest kernel code runs at hardware speed here";
  for (const PrivateMemoryReport& report : TryAllPrivateMemory(system())) {
    EXPECT_FALSE(report.works) << report.provider;
  }
}

TEST_F(PrivateMemoryTrialTest, SwProtectedNeedsItsVmType) {
  const auto report = TryPrivateMemory(PrivateMemoryKind::kSwProtected, system());
  ASSERT_TRUE(report.has_value()) << report.error().ToString();
  const int types = *system().CheckExtension(KVM_CAP_VM_TYPES);
  EXPECT_EQ(report->present, (types & 1 << KVM_X86_SW_PROTECTED_VM) != 0);
}

TEST_F(PrivateMemoryTrialTest, TheSealIsNeverTakenFromItsNumber) {
  const auto report = TryPrivateMemory(PrivateMemoryKind::kSeal, system());
  ASSERT_TRUE(report.has_value()) << report.error().ToString();
  if (report->present) {
    EXPECT_THAT(report->reason, Not(HasSubstr("no guest seal")));
  } else {
    EXPECT_THAT(report->reason, HasSubstr("seal 0x20"));
  }
}

}  // namespace
}  // namespace sealvm
