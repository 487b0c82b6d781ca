// SPDX-License-Identifier: Apache-2.0
// Every way in which a guest can end, and that each is told apart.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/machine/machine_fixture.h"
#include "vmm/api/version.h"

namespace sealvm {
namespace {

using testing::HasSubstr;

using MachineEndTest = MachineTest;

TEST_F(MachineEndTest, SelfTestPassesAndPowersOff) {
  const ExitReport report = RunToEnd(Config(""));
  EXPECT_EQ(report.reason, ExitReason::kPowerOff);
  EXPECT_THAT(recorder_.console(), HasSubstr("self-test passed"));
  EXPECT_THAT(recorder_.console(), HasSubstr(std::string(kVersion)));
}

TEST_F(MachineEndTest, Panic) {
  EXPECT_EQ(RunToEnd(Config("diag=panic")).reason, ExitReason::kPanic);
  const std::vector<Event> events = recorder_.events();
  EXPECT_EQ(std::ranges::count(events, EventKind::kPanicked, &Event::kind), 1);
}

TEST_F(MachineEndTest, ExceptionIsReportedByTheGuestAndEndsAsPanic) {
  EXPECT_EQ(RunToEnd(Config("diag=fault")).reason, ExitReason::kPanic);
  EXPECT_THAT(recorder_.console(), HasSubstr("CR2"));
}

TEST_F(MachineEndTest, TripleFault) {
  EXPECT_EQ(RunToEnd(Config("diag=triple-fault")).reason, ExitReason::kTripleFault);
}

TEST_F(MachineEndTest, ExitDeviceTakesAllOfTheCode) {
  for (const uint32_t code : {0u, 7u, UINT32_MAX}) {
    const ExitReport report = RunToEnd(Config("diag=exit:" + std::to_string(code)));
    EXPECT_EQ(report.reason, ExitReason::kGuestExit);
    EXPECT_EQ(report.guest_code, code);
  }
}

TEST_F(MachineEndTest, UnknownWordIsRefusedByTheGuest) {
  const ExitReport report = RunToEnd(Config("diag=nonsense"));
  EXPECT_EQ(report.reason, ExitReason::kGuestExit);
  EXPECT_EQ(report.guest_code, 2u);
  EXPECT_THAT(recorder_.console(), HasSubstr("known: diag="));
}

TEST_F(MachineEndTest, GarbageAtEveryPortEndsNothing) {
  EXPECT_EQ(RunToEnd(Config("diag=garbage")).reason, ExitReason::kPowerOff);
}

TEST_F(MachineEndTest, GarbageAtEveryPortWithoutExceptionEndsOnlyThisGuest) {
  const ExitReport report = RunToEnd(Config("diag=garbage-all"));
  EXPECT_NE(report.reason, ExitReason::kError) << report.error->ToString();
}

TEST_F(MachineEndTest, GuestSeesEveryVcpu) {
  MachineConfig config = Config("diag=quick");
  config.cpus = 4;
  EXPECT_EQ(RunToEnd(config).reason, ExitReason::kPowerOff);
  EXPECT_THAT(recorder_.console(), HasSubstr("4 listed by ACPI"));
}

TEST_F(MachineEndTest, TheMostVcpusStart) {
  MachineConfig config = Config("diag=quick");
  config.cpus = kMaxVcpus;
  EXPECT_EQ(RunToEnd(config).reason, ExitReason::kPowerOff);
  EXPECT_THAT(recorder_.console(), HasSubstr("64 listed by ACPI"));
}

}  // namespace
}  // namespace sealvm
