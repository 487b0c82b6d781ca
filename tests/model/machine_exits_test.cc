// SPDX-License-Identifier: Apache-2.0
// Exits of whole machines on a double of the host, by what the guest does next.
#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>

#include <cstring>

#include "tests/model/launch_fixture.h"
#include "tests/model/machine_fixture.h"
#include "vmm/isolation/attestation/cert_table.h"

namespace sealvm::model {
namespace {

using ::testing::HasSubstr;

TEST_F(MachineTest, PagesChangeHandsWhileTheGuestRuns) {
  for (IsolationMode mode : {IsolationMode::kSnp, IsolationMode::kTdx}) {
    Renew();
    ASSERT_TRUE(Create(ConfigOf(mode)));
    int step = 0;
    uint64_t results[3] = {};
    kvm_->guest = [&](VmModel& vm, kvm_run& run) {
      if (step > 0 && step <= 3) results[step - 1] = run.hypercall.ret;
      switch (step++) {
        case 0:
          AskForConversion(run, 0x10000, 4, false);
          return 0;
        case 1:
          EXPECT_FALSE(vm.private_pages.Contains(0x10000, 0x14000));
          AskForConversion(run, 0x10000, 4, true);
          return 0;
        case 2:
          EXPECT_TRUE(vm.private_pages.Contains(0x10000, 0x14000));
          AskForConversion(run, 1 << 20, UINT64_MAX, true);
          return 0;
        default:
          run.exit_reason = KVM_EXIT_SHUTDOWN;
          return 0;
      }
    };
    EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
    EXPECT_EQ(results[0], 0u);
    EXPECT_EQ(results[1], 0u);
    EXPECT_EQ(results[2], uint64_t{EINVAL});
    const MachineStats stats = machine_->GetStats();
    ASSERT_TRUE(stats.private_memory);
    EXPECT_EQ(stats.private_memory->conversions_to_shared, 1u);
    EXPECT_EQ(stats.private_memory->conversions_to_private, 1u);
    EXPECT_EQ(stats.isolation, IsolationModeName(mode));
  }
}

TEST_F(MachineTest, AnUnspokenConversionIsMadeAndAnImpossibleOneEndsTheGuest) {
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kSnp)));
  int step = 0;
  kvm_->guest = [&](VmModel& vm, kvm_run& run) {
    run.exit_reason = KVM_EXIT_MEMORY_FAULT;
    run.memory_fault.size = kPageSize;
    run.memory_fault.flags = 0;
    run.memory_fault.gpa = step == 0 ? 0x20000 : uint64_t{1} << 40;
    if (step++ == 1) {
      EXPECT_FALSE(vm.private_pages.Contains(0x20000, 0x21000));
    }
    return EFAULT;
  };
  const ExitReport report = RunMachine();
  EXPECT_EQ(report.reason, ExitReason::kError);
  EXPECT_EQ(step, 2);
}

TEST_F(MachineTest, AGuestThatGivesUpIsQuoted) {
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kSevEs)));
  kvm_->guest = [](VmModel&, kvm_run& run) {
    run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run.system_event.type = KVM_SYSTEM_EVENT_SEV_TERM;
    run.system_event.ndata = 1;
    run.system_event.data[0] = 0x1100 | uint64_t{1} << 16;
    return 0;
  };
  ExitReport report = RunMachine();
  EXPECT_EQ(report.reason, ExitReason::kPanic);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("gave up"));

  Renew();
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kTdx)));
  kvm_->guest = [](VmModel&, kvm_run& run) {
    run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
    run.system_event.type = KVM_SYSTEM_EVENT_TDX_FATAL;
    run.system_event.ndata = 16;
    memset(run.system_event.data, 0, sizeof(run.system_event.data));
    memcpy(&run.system_event.data[14], "No SEPT_", 8);
    return 0;
  };
  report = RunMachine();
  EXPECT_EQ(report.reason, ExitReason::kPanic);
  ASSERT_TRUE(report.error);
  EXPECT_THAT(report.error->message, HasSubstr("No SEPT_"));
}

TEST_F(MachineTest, CertificatesReachASharedPage) {
  const attestation::CertTableEntry entry = {attestation::kGuidVcek, Bytes(300, 0x77)};
  const Bytes table = *attestation::BuildCertTable({&entry, 1}, "table");
  MachineConfig config = ConfigOf(IsolationMode::kSnp);
  config.launch.certificates = WriteFile("certificates", table);
  ASSERT_TRUE(Create(config));
  EXPECT_EQ(kvm_->CountOf("KVM_SEV_SNP_ENABLE_REQ_CERTS"), 1u);
  int step = 0;
  kvm_->guest = [&](VmModel&, kvm_run& run) {
    if (step == 2) {
      EXPECT_EQ(run.snp_req_certs.ret, 0u);
    }
    if (step == 3) {
      EXPECT_EQ(run.snp_req_certs.ret, uint64_t{EIO});
    }
    const auto ask = [&](uint64_t gpa) {
      run.exit_reason = KVM_EXIT_SNP_REQ_CERTS;
      run.snp_req_certs.gpa = gpa;
      run.snp_req_certs.npages = 1;
      run.snp_req_certs.ret = 0;
      return 0;
    };
    switch (step++) {
      case 0:
        AskForConversion(run, 0x30000, 1, false);
        return 0;
      case 1:
        return ask(0x30000);
      case 2:
        return ask(0x50000);  // private
      default:
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  };
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
  EXPECT_EQ(step, 4);
  EXPECT_THAT(log_, HasSubstr("the guest got no certificates"));
}

TEST_F(MachineTest, ATdsInterruptsGoThroughItsOwnIoApic) {
  ASSERT_TRUE(Create(ConfigOf(IsolationMode::kTdx)));
  EXPECT_EQ(kvm_->CountOf("KVM_IRQ_LINE"), 0u);
  int step = 0;
  kvm_->guest = [&](VmModel&, kvm_run& run) {
    const auto mmio = [&](uint64_t gpa, uint32_t value) {
      run.exit_reason = KVM_EXIT_MMIO;
      run.mmio.phys_addr = gpa;
      run.mmio.is_write = 1;
      run.mmio.len = 4;
      memcpy(run.mmio.data, &value, 4);
      return 0;
    };
    switch (step++) {
      case 0:
        return mmio(0xfec00000, 0x10 + 2 * 4);
      case 1:
        return mmio(0xfec00010, 0x34);
      case 2:
        return WritePort(run, 0x3fc, 0x0b);  // OUT2: the serial port's interrupt leaves it
      case 3:
        return WritePort(run, 0x3f9, 0x02);  // transmitter empty
      default:
        run.exit_reason = KVM_EXIT_SHUTDOWN;
        return 0;
    }
  };
  EXPECT_EQ(RunMachine().reason, ExitReason::kTripleFault);
  EXPECT_GE(kvm_->CountOf("KVM_SIGNAL_MSI"), 1u);
  EXPECT_EQ(kvm_->CountOf("KVM_IRQ_LINE"), 0u);
}

}  // namespace
}  // namespace sealvm::model
