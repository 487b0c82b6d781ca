// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/run_outcome.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace sealvm {
namespace {

Result<ExitReport> Report(ExitReason reason) { return ExitReport{reason, 0, {}}; }

TEST(RunOutcomeTest, GuestThatEndedByItself) {
  RunEnd end;
  end.report = Report(ExitReason::kPowerOff);
  const RunOutcome outcome = MakeOutcome(end, RunOptions{});
  EXPECT_EQ(outcome.reason, "power-off");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_FALSE(outcome.error);
}

TEST(RunOutcomeTest, PanicHasASentence) {
  RunEnd end;
  end.report = Report(ExitReason::kPanic);
  const RunOutcome outcome = MakeOutcome(end, RunOptions{});
  EXPECT_EQ(outcome.exit_code, 3);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->message, "the guest panicked");
}

RunOutcome OutcomeOfGuestExit(uint32_t code, const RunOptions& options) {
  RunEnd end;
  end.report = ExitReport{ExitReason::kGuestExit, code, {}};
  return MakeOutcome(end, options);
}

TEST(RunOutcomeTest, FailureOfTheDiagnosticGuestIsTheRunsFailure) {
  const RunOutcome self_test = OutcomeOfGuestExit(1, RunOptions{});
  EXPECT_EQ(self_test.exit_code, 1);
  ASSERT_TRUE(self_test.error);
  EXPECT_EQ(self_test.error->message, "the diagnostic guest's self-test failed");
  const RunOutcome bad_word = OutcomeOfGuestExit(2, RunOptions{});
  EXPECT_EQ(bad_word.exit_code, 2);
  EXPECT_EQ(OutcomeOfGuestExit(3, RunOptions{}).exit_code, 1);
}

TEST(RunOutcomeTest, CodeOfTheUsersGuestCountsOnlyWhenAskedFor) {
  RunOptions options;
  options.machine.kernel = "vmlinuz";
  EXPECT_EQ(OutcomeOfGuestExit(1, options).exit_code, 0);
  EXPECT_FALSE(OutcomeOfGuestExit(1, options).error);
  options.guest_exit_code = true;
  EXPECT_EQ(OutcomeOfGuestExit(1, options).exit_code, 1);
  EXPECT_EQ(OutcomeOfGuestExit(42, options).exit_code, 42);
}

TEST(RunOutcomeTest, StopTellsTheFrontEndsReason) {
  RunEnd end;
  end.report = Report(ExitReason::kStopped);
  end.cause = StopCause::kTimeout;
  RunOptions options;
  options.timeout = std::chrono::milliseconds(1500);
  const RunOutcome timeout = MakeOutcome(end, options);
  EXPECT_EQ(timeout.exit_code, 4);
  EXPECT_EQ(timeout.reason, "timeout");
  EXPECT_NE(timeout.error->message.find("1.5 s"), std::string::npos);

  end.cause = StopCause::kSignal;
  end.signal_number = SIGTERM;
  const RunOutcome by_signal = MakeOutcome(end, options);
  EXPECT_EQ(by_signal.exit_code, 1);
  EXPECT_EQ(by_signal.error->message, "ended by SIGTERM");

  end.cause = StopCause::kUser;
  const RunOutcome by_user = MakeOutcome(end, options);
  EXPECT_EQ(by_user.exit_code, 0);
  EXPECT_EQ(by_user.reason, "user");
  EXPECT_FALSE(by_user.error);
}

TEST(RunOutcomeTest, GuestThatWasFasterThanTheTimeoutWins) {
  RunEnd end;
  end.cause = StopCause::kTimeout;
  end.report = Report(ExitReason::kTripleFault);
  EXPECT_EQ(MakeOutcome(end, RunOptions{}).exit_code, 3);
}

TEST(RunOutcomeTest, NoReportAtAllIsTheStop) {
  RunEnd end;
  end.cause = StopCause::kTimeout;
  EXPECT_EQ(MakeOutcome(end, RunOptions{}).exit_code, 4);
}

TEST(RunOutcomeTest, CreationErrorKeepsItsKind) {
  RunEnd end;
  end.report = Refused("--isolation tdx: no");
  const RunOutcome outcome = MakeOutcome(end, RunOptions{});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.reason, "error");
  EXPECT_EQ(outcome.error->message, "--isolation tdx: no");
}

TEST(RunOutcomeTest, LostConsoleIsNeverSuccess) {
  RunEnd end;
  end.cause = StopCause::kConsoleLost;
  end.console_error = HostError("write: EPIPE").error();
  end.report = Report(ExitReason::kPowerOff);
  const RunOutcome outcome = MakeOutcome(end, RunOptions{});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.error->message, "the guest's console is lost: write: EPIPE");
}

TEST(RunOutcomeTest, GuestCodeIsKept) {
  RunEnd end;
  end.report = ExitReport{ExitReason::kGuestExit, 300, {}};
  RunOptions options;
  options.guest_exit_code = true;
  const RunOutcome outcome = MakeOutcome(end, options);
  EXPECT_EQ(outcome.guest_code, 300u);
  EXPECT_EQ(outcome.exit_code, 255);
}

}  // namespace
}  // namespace sealvm
