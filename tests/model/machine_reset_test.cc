// SPDX-License-Identifier: Apache-2.0
// Confidential guests that reset, on a double of the host: what was measured cannot start again, so
// the machine ends, and another of the same configuration is the same guest.
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include "tests/model/machine_fixture.h"

namespace sealvm::model {
namespace {

int ResetByKeyboardController(VmModel&, kvm_run& run) { return WritePort(run, 0x64, 0xfe); }
int ResetByFastReset(VmModel&, kvm_run& run) { return WritePort(run, 0x92, 0x01); }
int ResetByHypervisor(VmModel&, kvm_run& run) {
  run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
  run.system_event.type = KVM_SYSTEM_EVENT_RESET;
  run.system_event.ndata = 0;
  return 0;
}

TEST_F(MachineTest, AResetEndsTheMachineAndTheNextHasTheSameDigest) {
  for (const IsolationMode mode : kConfidentialModes) {
    const MachineConfig config = ConfigOf(mode, 3);
    const Bytes measured = Measured(config);
    for (auto* reset : {ResetByKeyboardController, ResetByFastReset, ResetByHypervisor}) {
      Renew();
      kvm_->guest = reset;
      for (size_t boot = 1; boot <= 3; ++boot) {
        machine_.reset();
        const Result<> created = Create(config);
        ASSERT_TRUE(created) << created.error().ToString();
        EXPECT_EQ(kvm_->CountOf("KVM_CREATE_VM"), boot);
        EXPECT_EQ(Found(), measured) << IsolationModeName(mode);
        const ExitReport report = RunMachine();
        EXPECT_EQ(report.reason, ExitReason::kReset) << IsolationModeName(mode);
        EXPECT_FALSE(report.error);
      }
    }
  }
}

}  // namespace
}  // namespace sealvm::model
