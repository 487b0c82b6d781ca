// SPDX-License-Identifier: Apache-2.0
// A Machine that runs no guest: what it does is said by the name of its kernel. With it the
// front-end is tested without KVM, and with guests that misbehave on purpose.
#include <errno.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "vmm/api/doctor.h"
#include "vmm/api/machine.h"

namespace sealvm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kSip = 3;

}  // namespace

class Machine::Impl {
 public:
  Impl(MachineConfig config, MachineCallbacks callbacks)
      : config_(std::move(config)), callbacks_(std::move(callbacks)) {}

  void Emit(EventKind kind, uint32_t value = 0) {
    if (callbacks_.on_event) {
      callbacks_.on_event({.kind = kind, .since_create = Clock::now() - begin_, .value = value});
    }
  }

  Result<ExitReport> Run() {
    Emit(EventKind::kFirstInstruction);
    ExitReport report = Play();
    Emit(EventKind::kExit);
    return report;
  }

  void Stop() {
    if (config_.kernel == "stuck") return;
    End(ExitReason::kStopped);
  }
  void PressPowerButton() { End(ExitReason::kPowerOff); }

  // Takes little at a time, and nothing before the last sip was swallowed.
  size_t SendConsoleInput(std::span<const uint8_t> bytes) {
    const std::lock_guard lock(mutex_);
    const size_t room = config_.kernel == "deaf" ? 0 : kSip - std::min(kSip, input_.size());
    const size_t taken = std::min(room, bytes.size());
    input_.insert(input_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(taken));
    changed_.notify_all();
    return taken;
  }

  void ResizeConsole(uint16_t columns, uint16_t rows) {
    if (config_.kernel != "size") return;
    Print("size " + std::to_string(columns) + "x" + std::to_string(rows) + "\r\n");
  }

  const MachineConfig& config() const { return config_; }

 private:
  ExitReport Play() {
    const std::string& role = config_.kernel;
    if (role == "panic") return Panic();
    if (role == "triple") return {ExitReason::kTripleFault, 0, {}};
    if (role == "reset") return {ExitReason::kReset, 0, {}};
    if (role == "private") {
      Print(std::string(IsolationModeName(config_.isolation)) + "\r\n");
      return ResetUntil(1);
    }
    if (role.starts_with("resets:")) return ResetUntil(std::stoul(role.substr(7)));
    if (role.starts_with("exit:")) {
      return {ExitReason::kGuestExit, static_cast<uint32_t>(std::stoul(role.substr(5))), {}};
    }
    if (role == "error") return {ExitReason::kError, 0, HostError("KVM_RUN: broken").error()};
    if (role == "flood") return Flood();
    if (role == "echo" || role == "echo-reset") return Echo();
    if (role == "device") return FailDevice();
    if (role == "spin" || role == "stuck" || role == "deaf" || role == "size") return WaitForEnd();
    Print("hello\r\n");
    return {ExitReason::kPowerOff, 0, {}};
  }

  // So many machines of the process reset, then one powers off.
  ExitReport ResetUntil(size_t count) {
    static size_t machines = 0;
    Print("boot " + std::to_string(++machines) + "\r\n");
    return {machines <= count ? ExitReason::kReset : ExitReason::kPowerOff, 0, {}};
  }

  ExitReport Panic() {
    Emit(EventKind::kBootMark, 0x41);
    Emit(EventKind::kPanicked);
    return {ExitReason::kPanic, 0, {}};
  }

  ExitReport FailDevice() {
    if (callbacks_.on_event) {
      callbacks_.on_event({.kind = EventKind::kDeviceFailed,
                           .since_create = Clock::now() - begin_,
                           .device = "disk0"});
    }
    return {ExitReason::kPowerOff, 0, {}};
  }

  ExitReport Flood() {
    const std::string line(79, 'x');
    while (!Ended()) Print(line + "\n");
    return WaitForEnd();
  }

  ExitReport Echo() {
    Print("ready\r\n");
    for (;;) {
      const std::optional<uint8_t> byte = NextInput();
      if (!byte) return WaitForEnd();
      if (*byte == 'q') return {ExitReason::kPowerOff, 0, {}};
      if (*byte == 'r' && config_.kernel == "echo-reset") return {ExitReason::kReset, 0, {}};
      Print(std::string(1, static_cast<char>(*byte)));
      if (callbacks_.on_console_input_space) callbacks_.on_console_input_space();
    }
  }

  std::optional<uint8_t> NextInput() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_ || !input_.empty(); });
    if (end_) return std::nullopt;
    const uint8_t byte = input_.front();
    input_.pop_front();
    return byte;
  }

  void Print(const std::string& text) {
    if (callbacks_.on_console_output) {
      callbacks_.on_console_output({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    }
  }

  void End(ExitReason reason) {
    const std::lock_guard lock(mutex_);
    if (!end_) end_ = reason;
    changed_.notify_all();
  }
  bool Ended() {
    const std::lock_guard lock(mutex_);
    return end_.has_value();
  }
  ExitReport WaitForEnd() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_.has_value(); });
    return {*end_, 0, {}};
  }

  const MachineConfig config_;
  const MachineCallbacks callbacks_;
  const Clock::time_point begin_ = Clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<uint8_t> input_;
  std::optional<ExitReason> end_;
};

Machine::Machine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Machine::Machine(Machine&&) noexcept = default;
Machine& Machine::operator=(Machine&&) noexcept = default;
Machine::~Machine() = default;

Result<Machine> Machine::Create(const MachineConfig& config, MachineCallbacks callbacks) {
  if (config.isolation != IsolationMode::kAuto && config.isolation != IsolationMode::kNone &&
      config.kernel != "private") {
    return Refused("--isolation " + std::string(IsolationModeName(config.isolation)) +
                   ": not in this version");
  }
  if (config.kernel == "missing") return InvalidInput("--kernel: open(missing): no such file");
  if (config.kernel == "hang") {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  auto impl = std::make_unique<Impl>(config, std::move(callbacks));
  impl->Emit(EventKind::kCreated);
  return Machine(std::move(impl));
}

Result<> Machine::Start() {
  impl_->Emit(EventKind::kStarted);
  return {};
}
Result<ExitReport> Machine::Run() { return impl_->Run(); }
void Machine::Stop() { impl_->Stop(); }
size_t Machine::SendConsoleInput(std::span<const uint8_t> bytes) {
  return impl_->SendConsoleInput(bytes);
}
void Machine::ResizeConsole(uint16_t columns, uint16_t rows) {
  impl_->ResizeConsole(columns, rows);
}
void Machine::PressPowerButton() { impl_->PressPowerButton(); }
IsolationMode Machine::isolation() const {
  return impl_->config().kernel == "private" ? IsolationMode::kSealed : IsolationMode::kNone;
}
const std::string& Machine::why_not_stronger() const {
  static const std::string reason = "sealed: the machine is a fake";
  return reason;
}

MachineStats Machine::GetStats() const {
  MachineStats stats;
  stats.isolation = "none";
  stats.memory_provider = "fake";
  stats.memory_bytes = impl_->config().memory_bytes;
  stats.cpus = impl_->config().cpus;
  for (const DiskConfig& disk : WithDefaultIds(impl_->config().devices).disks) {
    DeviceStats& device = stats.devices.emplace_back();
    device.id = disk.id;
    device.type = "block";
    device.requests = 5;
  }
  stats.exits_total = 7;
  stats.exits_by_reason = {{"io", 6}, {"hlt", 1}};
  return stats;
}

Result<HostReport> ExamineHost() {
  HostReport report;
  report.kernel_version = "6.12.0-fake";
  report.cpu_vendor = "AuthenticAMD";
  report.kvm_problem = "open(/dev/kvm): No such file or directory [ENOENT]";
  report.guest_speed_problem = "KVM is not usable";
  report.facilities = {{HostFacility::kIoUring, true, "it works", 0},
                       {HostFacility::kPasst, false, "there is none in PATH", ENOENT}};
  report.modes = {{IsolationMode::kNone, false, Obstacle::kNoKvmDevice, "/dev/kvm is missing"}};
  return report;
}

}  // namespace sealvm
