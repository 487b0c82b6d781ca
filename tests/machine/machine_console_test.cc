// SPDX-License-Identifier: Apache-2.0
// The serial console of a whole machine, both ways.
#include <gmock/gmock.h>

#include <thread>

#include "tests/machine/machine_fixture.h"

namespace sealvm {
namespace {

using testing::HasSubstr;

class MachineConsoleTest : public MachineTest {
 protected:
  void SetUp() override {
    MachineTest::SetUp();
    if (IsSkipped()) return;
    Result<Machine> machine = Machine::Create(Config("diag=echo"), recorder_.Callbacks());
    ASSERT_TRUE(machine.has_value()) << machine.error().ToString();
    machine_ = std::move(*machine);
    ASSERT_TRUE(machine_->Start().has_value());
    runner_ = std::jthread([this] { report_ = machine_->Run().value_or(ExitReport{}); });
    ASSERT_TRUE(recorder_.WaitForConsole("echo: ready"));
  }

  void TearDown() override {
    if (!machine_) return;
    machine_->Stop();
    if (runner_.joinable()) runner_.join();
  }

  // Sends all of `text`, waiting for room as a front-end would.
  void Type(std::string_view text) {
    while (!text.empty()) {
      const size_t taken =
          machine_->SendConsoleInput({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
      text.remove_prefix(taken);
      if (taken == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::optional<Machine> machine_;
  std::optional<ExitReport> report_;
  std::jthread runner_;
};

TEST_F(MachineConsoleTest, LinesComeBack) {
  Type("hello\n");
  EXPECT_TRUE(recorder_.WaitForConsole("echo: hello"));
  Type("quit\n");
  runner_.join();
  EXPECT_EQ(report_->reason, ExitReason::kPowerOff);
}

TEST_F(MachineConsoleTest, LineThatResetsEndsTheMachine) {
  Type("reset\n");
  runner_.join();
  EXPECT_EQ(report_->reason, ExitReason::kReset);
}

TEST_F(MachineConsoleTest, InputLargerThanTheFifoArrivesWhole) {
  const std::string line(200, 'x');
  Type(line + "\n");
  EXPECT_TRUE(recorder_.WaitForConsole("echo: " + line));
}

// A prompt has no line end and must not wait for one.
TEST_F(MachineConsoleTest, UnfinishedLineIsShownSoon) {
  EXPECT_TRUE(recorder_.WaitForConsole("ready"));
}

TEST_F(MachineConsoleTest, InputAfterTheEndIsNoError) {
  Type("quit\n");
  runner_.join();
  EXPECT_LE(machine_->SendConsoleInput(std::array<uint8_t, 3>{'a', 'b', 'c'}), 3u);
}

}  // namespace
}  // namespace sealvm
