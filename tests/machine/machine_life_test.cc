// SPDX-License-Identifier: Apache-2.0
// A machine's life as an embedder sees it: order of calls, stops, events, counters, attached
// devices, several machines at once.
#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include "devices/platform_addresses.h"
#include "tests/machine/machine_fixture.h"

namespace sealvm {
namespace {

using std::chrono::milliseconds;

class SilentDevice : public BusDevice {
 public:
  std::string_view Name() const override { return "silent"; }
  void Read(uint64_t, std::span<uint8_t> data) override {
    std::ranges::fill(data, uint8_t{0});
    ++reads_;
  }
  void Write(uint64_t, std::span<const uint8_t>) override { ++writes_; }
  int accesses() const { return reads_ + writes_; }

 private:
  std::atomic<int> reads_ = 0;
  std::atomic<int> writes_ = 0;
};

class MachineLifeTest : public MachineTest {
 protected:
  Machine Make(const std::string& cmdline) {
    Result<Machine> machine = Machine::Create(Config(cmdline), recorder_.Callbacks());
    EXPECT_TRUE(machine.has_value()) << machine.error().ToString();
    return std::move(*machine);
  }
};

TEST_F(MachineLifeTest, EventsComeInOrderWithRisingTimes) {
  RunToEnd(Config("diag=quick"));
  std::vector<EventKind> kinds;
  std::chrono::nanoseconds last{0};
  for (const Event& event : recorder_.events()) {
    kinds.push_back(event.kind);
    EXPECT_GE(event.since_create, last);
    last = event.since_create;
  }
  EXPECT_EQ(kinds, (std::vector{EventKind::kCreated, EventKind::kStarted,
                                EventKind::kFirstInstruction, EventKind::kExit}));
}

TEST_F(MachineLifeTest, StopFromAnotherThreadEndsASpinningGuest) {
  Machine machine = Make("diag=spin");
  ASSERT_TRUE(machine.Start().has_value());
  std::jthread stopper([&] {
    recorder_.WaitForConsole("spinning");
    machine.Stop();
  });
  const Result<ExitReport> report = machine.Run();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->reason, ExitReason::kStopped);
}

TEST_F(MachineLifeTest, StopBetweenStartAndRunHolds) {
  Machine machine = Make("diag=spin");
  ASSERT_TRUE(machine.Start().has_value());
  machine.Stop();
  machine.Stop();
  const Result<ExitReport> report = machine.Run();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->reason, ExitReason::kStopped);
  EXPECT_EQ(recorder_.console(), "");
}

TEST_F(MachineLifeTest, StopFromACallbackEndsTheRun) {
  std::optional<Machine> machine;
  MachineCallbacks callbacks;
  callbacks.on_console_output = [&](std::span<const uint8_t>) { machine->Stop(); };
  Result<Machine> made = Machine::Create(Config(""), callbacks);
  ASSERT_TRUE(made.has_value());
  machine = std::move(*made);
  ASSERT_TRUE(machine->Start().has_value());
  EXPECT_EQ(machine->Run()->reason, ExitReason::kStopped);
}

TEST_F(MachineLifeTest, CallsOutOfOrderAreErrors) {
  Machine machine = Make("diag=quick");
  EXPECT_FALSE(machine.Run().has_value());
  ASSERT_TRUE(machine.Start().has_value());
  EXPECT_FALSE(machine.Start().has_value());
  EXPECT_FALSE(machine.AttachPio(0x700, 1, std::make_shared<SilentDevice>()).has_value());
  EXPECT_TRUE(machine.Run().has_value());
}

TEST_F(MachineLifeTest, DestructionStopsWhatWasStarted) {
  MachineConfig config = Config("diag=spin");
  config.cpus = 2;
  Result<Machine> machine = Machine::Create(config, recorder_.Callbacks());
  ASSERT_TRUE(machine.has_value());
  ASSERT_TRUE(machine->Start().has_value());
}

TEST_F(MachineLifeTest, AttachedDeviceHearsTheGuest) {
  Machine machine = Make("diag=garbage");
  const auto device = std::make_shared<SilentDevice>();
  ASSERT_TRUE(machine.AttachPio(0x700, 4, device).has_value());
  ASSERT_TRUE(machine.Start().has_value());
  EXPECT_EQ(machine.Run()->reason, ExitReason::kPowerOff);
  EXPECT_GT(device->accesses(), 0);
  EXPECT_EQ(machine.GetStats().accesses_by_device.at("silent"),
            static_cast<uint64_t>(device->accesses()));
}

TEST_F(MachineLifeTest, DeviceThatOverlapsTheMachinesIsRefused) {
  Machine machine = Make("diag=quick");
  const Result<> attached = machine.AttachPio(kSerialBase + 7, 2, std::make_shared<SilentDevice>());
  ASSERT_FALSE(attached.has_value());
  EXPECT_NE(attached.error().message.find("serial"), std::string::npos)
      << attached.error().ToString();
}

TEST_F(MachineLifeTest, CountersTellOfTheRun) {
  Machine machine = Make("diag=quick");
  EXPECT_FALSE(machine.GetStats().time_to_first_instruction.has_value());
  ASSERT_TRUE(machine.Start().has_value());
  ASSERT_TRUE(machine.Run().has_value());
  const MachineStats stats = machine.GetStats();
  EXPECT_EQ(stats.memory_bytes, 32 * kMiB);
  EXPECT_EQ(stats.memory_provider, "memfd");
  EXPECT_EQ(stats.isolation, "none");
  EXPECT_GT(stats.memory_allocated_bytes, 0u);
  EXPECT_GE(stats.exits_by_reason.at("io"), recorder_.console().size());
  EXPECT_GE(stats.accesses_by_device.at("serial"), recorder_.console().size());
  EXPECT_TRUE(stats.time_to_first_instruction.has_value());
}

TEST_F(MachineLifeTest, LogGoesToTheMachinesOwnCallback) {
  RunToEnd(Config("diag=quick"));
  const std::vector<std::string> log = recorder_.log();
  EXPECT_TRUE(std::ranges::any_of(log, [](const std::string& line) {
    return line.find("command line") != std::string::npos &&
           line.find("diag=quick") != std::string::npos;
  }));
}

TEST_F(MachineLifeTest, MachinesInOneProcessDoNotMix) {
  constexpr int kMachines = 4;
  std::array<Recorder, kMachines> recorders;
  std::vector<std::jthread> threads;
  std::array<std::optional<ExitReport>, kMachines> reports;
  for (int i = 0; i < kMachines; ++i) {
    threads.emplace_back([&, i] {
      Result<Machine> machine =
          Machine::Create(Config("diag=exit:" + std::to_string(100 + i)), recorders[i].Callbacks());
      if (machine && machine->Start()) reports[i] = machine->Run().value_or(ExitReport{});
    });
  }
  threads.clear();
  for (int i = 0; i < kMachines; ++i) {
    ASSERT_TRUE(reports[i].has_value());
    EXPECT_EQ(reports[i]->guest_code, static_cast<uint32_t>(100 + i));
    EXPECT_EQ(recorders[i].events().size(), 4u);
  }
}

TEST_F(MachineLifeTest, CreateRefusesWhatItCannotBuild) {
  MachineConfig config = Config("");
  config.cpus = 0;
  EXPECT_EQ(Machine::Create(config).error().kind, ErrorKind::kInvalidInput);
  config = Config("");
  config.isolation = IsolationMode::kTdx;
  EXPECT_EQ(Machine::Create(config).error().kind, ErrorKind::kRefused);
  config = Config("");
  config.kernel = "/nonexistent/vmlinuz";
  const Result<Machine> machine = Machine::Create(config);
  EXPECT_EQ(machine.error().kind, ErrorKind::kInvalidInput);
  EXPECT_NE(machine.error().message.find("/nonexistent/vmlinuz"), std::string::npos);
}

}  // namespace
}  // namespace sealvm
