// SPDX-License-Identifier: Apache-2.0
// What comes from the console, for the guest and for the session itself.
#include <algorithm>
#include <array>
#include <string>

#include "vmm/cli/run_session.h"

namespace sealvm {
namespace {

// What a person may type ahead of a guest that does not read.
constexpr size_t kTypeAhead = 4096;

constexpr std::string_view kKeysHelp =
    "\n"
    "Ctrl-A x       leave\n"
    "Ctrl-A c       monitor\n"
    "Ctrl-A h       this help\n"
    "Ctrl-A Ctrl-A  Ctrl-A for the guest\n";

}  // namespace

void RunSession::HandleInput() {
  std::array<uint8_t, 1024> buffer;
  const size_t count = console_.Read(buffer);
  const std::span<const uint8_t> bytes(buffer.data(), count);
  if (console_.is_interactive()) {
    HandleTyped(bytes);
  } else {
    QueueForGuest(bytes);
  }
  SendPending();
}

void RunSession::HandleTyped(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if (monitor_) {
      HandleMonitorByte(bytes.front());
      bytes = bytes.subspan(1);
      continue;
    }
    const ConsoleKeys::Typed typed = keys_.Feed(bytes);
    QueueForGuest(typed.for_guest);
    bytes = bytes.subspan(typed.consumed);
    if (typed.request) HandleRequest(*typed.request);
  }
}

void RunSession::HandleRequest(ConsoleRequest request) {
  switch (request) {
    case ConsoleRequest::kLeave:
      return RequestStop(StopCause::kUser);
    case ConsoleRequest::kHelp:
      return console_.Show(kKeysHelp);
    case ConsoleRequest::kOpenMonitor:
      monitor_.emplace();
      return console_.Show("\n" + std::string(kMonitorPrompt));
  }
}

void RunSession::HandleMonitorByte(uint8_t byte) {
  std::string echo;
  const std::optional<std::string> line = monitor_->Feed(byte, echo);
  console_.Show(echo);
  if (!line) return;
  RunMonitorCommand(ParseMonitorCommand(*line));
  if (monitor_) console_.Show(kMonitorPrompt);
}

void RunSession::RunMonitorCommand(MonitorCommand command) {
  switch (command) {
    case MonitorCommand::kStatus:
      return ShowStatus();
    case MonitorCommand::kPower: {
      const std::lock_guard lock(mutex_);
      if (machine_ != nullptr) machine_->PressPowerButton();
      return;
    }
    case MonitorCommand::kQuit:
      monitor_.reset();
      return RequestStop(StopCause::kUser);
    case MonitorCommand::kContinue:
      return monitor_.reset();
    case MonitorCommand::kHelp:
    case MonitorCommand::kUnknown:
      break;
  }
  console_.Show(kMonitorHelp);
}

void RunSession::ShowStatus() {
  const std::lock_guard lock(mutex_);
  if (machine_ == nullptr) return console_.Show("not running\n");
  const MachineStats stats = machine_->GetStats();
  console_.Show("running, isolation " + stats.isolation + ", " + std::to_string(stats.cpus) +
                " vCPUs, " + std::to_string(stats.memory_bytes / kMiB) + " MiB of memory (" +
                std::to_string(stats.memory_allocated_bytes / kMiB) + " MiB in use), " +
                std::to_string(stats.exits_total) + " exits\n");
}

void RunSession::QueueForGuest(std::span<const uint8_t> bytes) {
  if (console_.is_interactive()) {
    const size_t room = kTypeAhead - std::min(kTypeAhead, pending_input_.size());
    bytes = bytes.first(std::min(room, bytes.size()));
  }
  pending_input_.insert(pending_input_.end(), bytes.begin(), bytes.end());
}

void RunSession::SendPending() {
  if (pending_input_.empty()) return;
  // Set before the try: a callback that comes between the try and a later store would be missed.
  input_waits_ = true;
  const std::lock_guard lock(mutex_);
  if (machine_ == nullptr) return;
  const size_t taken = machine_->SendConsoleInput(pending_input_);
  pending_input_.erase(pending_input_.begin(),
                       pending_input_.begin() + static_cast<ptrdiff_t>(taken));
  if (pending_input_.empty()) input_waits_ = false;
}

}  // namespace sealvm
