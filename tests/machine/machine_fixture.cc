// SPDX-License-Identifier: Apache-2.0
#include "tests/machine/machine_fixture.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

namespace sealvm {

MachineCallbacks Recorder::Callbacks() {
  MachineCallbacks callbacks;
  callbacks.on_event = [this](const Event& event) {
    const std::lock_guard lock(mutex_);
    events_.push_back(event);
    changed_.notify_all();
  };
  callbacks.on_console_output = [this](std::span<const uint8_t> bytes) {
    const std::lock_guard lock(mutex_);
    console_.append(bytes.begin(), bytes.end());
    changed_.notify_all();
  };
  callbacks.log_level = LogLevel::kDebug;
  callbacks.on_log = [this](LogLevel, std::string_view text) {
    const std::lock_guard lock(mutex_);
    log_.emplace_back(text);
  };
  return callbacks;
}

std::string Recorder::console() const {
  const std::lock_guard lock(mutex_);
  return console_;
}

std::vector<Event> Recorder::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::vector<std::string> Recorder::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

bool Recorder::WaitForConsole(const std::string& text) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(60),
                           [&] { return console_.find(text) != std::string::npos; });
}

void MachineTest::SetUp() {
  if (access("/dev/kvm", R_OK | W_OK) != 0) {
    GTEST_SKIP() << "/dev/kvm: " << strerror(errno);
  }
}

MachineConfig MachineTest::Config(const std::string& cmdline) {
  MachineConfig config;
  config.isolation = IsolationMode::kNone;
  config.memory_bytes = 32 * kMiB;
  config.cmdline = cmdline;
  return config;
}

ExitReport MachineTest::RunToEnd(const MachineConfig& config) {
  Result<Machine> machine = Machine::Create(config, recorder_.Callbacks());
  if (!machine) {
    ADD_FAILURE() << machine.error().ToString();
    return {};
  }
  const Result<> started = machine->Start();
  EXPECT_TRUE(started.has_value()) << started.error().ToString();
  const Result<ExitReport> report = machine->Run();
  if (!report) {
    ADD_FAILURE() << report.error().ToString();
    return {};
  }
  return *report;
}

}  // namespace sealvm
