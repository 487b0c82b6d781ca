// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/run_session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>

#include "vmm/cli/log.h"

namespace sealvm {
namespace {

// How long a machine may take to stop before the process ends without it.
constexpr std::chrono::seconds kStopLimit{5};

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal_number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH}) {
    sigaddset(&set, signal_number);
  }
  return set;
}

timespec ToTimespec(std::chrono::nanoseconds duration) {
  const auto count = std::max<int64_t>(duration.count(), 0);
  return {count / 1'000'000'000, count % 1'000'000'000};
}

// Whether the process may be dumped or traced by others of its user. From the first byte of a guest
// that is to be isolated it may not: initrd and kernel lie in the VMM's memory for a while.
void AllowDumps(bool allow) { prctl(PR_SET_DUMPABLE, allow ? 1 : 0, 0, 0, 0); }

// A guest's devices may need a descriptor for each of its connections.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

RunSession::RunSession(const RunOptions& options, bool isolation_named, Console& console,
                       EventWriter* events)
    : options_(options), isolation_named_(isolation_named), console_(console), events_(events) {}

void RunSession::BlockSignals() {
  sigset_t set = HandledSignals();
  // A lost reader is an error of write(2), and restoring a terminal from the background is allowed.
  sigaddset(&set, SIGPIPE);
  sigaddset(&set, SIGTTOU);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void RunSession::Run(const std::function<int(const RunOutcome&)>& conclude) {
  if (Result<> opened = OpenDescriptors(); !opened) {
    end_.report = std::unexpected(std::move(opened).error());
    _exit(conclude(MakeOutcome(end_, options_)));
  }
  std::thread control(&RunSession::ControlThread, this, std::cref(conclude));
  RunMachine();
  control.join();
  abort();  // the control thread ends the process
}

void RunSession::ControlThread(const std::function<int(const RunOutcome&)>& conclude) {
  while (!finished_ && !stuck_) {
    WaitForSomething();
    CheckDeadlines();
  }
  _exit(conclude(Outcome()));
}

RunOutcome RunSession::Outcome() {
  const std::lock_guard lock(mutex_);
  end_.report = report_;
  end_.console_error = console_error_;
  // The last words of a guest that ended by itself may be what got lost.
  if (console_error_ && end_.cause == StopCause::kNone) end_.cause = StopCause::kConsoleLost;
  RunOutcome outcome = MakeOutcome(end_, options_);
  outcome.stats = stats_;
  outcome.resets = resets_;
  return outcome;
}

Result<> RunSession::OpenDescriptors() {
  const sigset_t set = HandledSignals();
  signals_.Reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) return SystemError("signalfd", "", errno);
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return SystemError("eventfd", "", errno);
  return {};
}

void RunSession::RunMachine() {
  Result<ExitReport> report = RunWithReboots();
  {
    const std::lock_guard lock(mutex_);
    report_ = std::move(report);
  }
  finished_ = true;
  Wake();
}

Result<ExitReport> RunSession::RunWithReboots() {
  if (options_.machine.devices.any()) RaiseDescriptorLimit();
  MachineConfig config = options_.machine;
  Result<ExitReport> report = CreateAndRun(config);
  while (options_.reboot && report && report->reason == ExitReason::kReset) {
    if (stop_requested_) {
      report->reason = ExitReason::kStopped;
      break;
    }
    // What `auto` chose is kept: no guest weakens its isolation by a reset.
    if (machine_storage_->isolation() != IsolationMode::kNone) {
      config.isolation = machine_storage_->isolation();
    }
    // Before the next machine wants the same files, ports and memory.
    machine_storage_.reset();
    NoteReset();
    report = CreateAndRun(config);
    if (!report) report = WithContext(std::move(report).error(), "after the guest's reset");
  }
  return report;
}

void RunSession::NoteReset() {
  {
    const std::lock_guard lock(mutex_);
    ++resets_;
  }
  Log(LogLevel::kInfo, "the guest reset: its machine is made anew");
  if (events_ != nullptr) events_->Write(ResetEventLine(Elapsed()));
}

Result<ExitReport> RunSession::CreateAndRun(const MachineConfig& config) {
  const bool may_isolate = config.isolation != IsolationMode::kNone;
  if (may_isolate) AllowDumps(false);
  machine_storage_ = SEALVM_TRY(Machine::Create(config, Callbacks()));
  Machine& machine = *machine_storage_;
  if (may_isolate && machine.isolation() == IsolationMode::kNone) AllowDumps(true);
  if (resets_ == 0) ReportIsolation(machine);
  SEALVM_TRY(machine.Start());
  PublishMachine(&machine);
  Result<ExitReport> report = machine.Run();
  PublishMachine(nullptr);
  if (options_.stats_file.empty()) return report;
  MachineStats stats = machine.GetStats();
  const std::lock_guard lock(mutex_);
  stats_ = std::move(stats);
  return report;
}

void RunSession::PublishMachine(Machine* machine) {
  {
    const std::lock_guard lock(mutex_);
    machine_ = machine;
  }
  if (machine == nullptr) return;
  SendConsoleSize();
  if (stop_requested_) machine->Stop();
  if (input_waits_) Wake();
}

void RunSession::SendConsoleSize() {
  // Asked under the lock, so that the size that is sent last is the newest.
  const std::lock_guard lock(mutex_);
  const std::optional<ConsoleSize> size = console_.Size();
  if (machine_ != nullptr && size) machine_->ResizeConsole(size->columns, size->rows);
}

MachineCallbacks RunSession::Callbacks() {
  MachineCallbacks callbacks;
  if (events_ != nullptr) {
    // One clock for all machines of the session.
    const std::chrono::nanoseconds begin = resets_ == 0 ? std::chrono::nanoseconds(0) : Elapsed();
    callbacks.on_event = [this, begin](Event event) {
      event.since_create += begin;
      // The last event tells the process's exit code, which the machine does not know.
      if (event.kind != EventKind::kExit) events_->Write(EventLine(event));
    };
  }
  callbacks.log_level = LogThreshold();
  callbacks.on_log = Log;
  callbacks.on_console_output = [this](std::span<const uint8_t> bytes) { OnConsoleOutput(bytes); };
  callbacks.on_console_input_space = [this] {
    if (input_waits_) Wake();
  };
  return callbacks;
}

void RunSession::OnConsoleOutput(std::span<const uint8_t> bytes) {
  Result<> written = console_.Write(bytes);
  if (written) return;
  {
    const std::lock_guard lock(mutex_);
    if (!console_error_) console_error_ = std::move(written).error();
  }
  Wake();
}

void RunSession::ReportIsolation(const Machine& machine) const {
  const bool was_auto = options_.machine.isolation == IsolationMode::kAuto;
  const std::string mode(IsolationModeName(machine.isolation()));
  if (!was_auto) return;
  std::string line = "isolation auto: chose " + mode;
  if (!machine.why_not_stronger().empty()) line += "; not " + machine.why_not_stronger();
  if (isolation_named_) {
    Announce(line);
  } else {
    Log(LogLevel::kInfo, line);
  }
}

void RunSession::Wake() {
  const uint64_t one = 1;
  // A full counter wakes as well.
  if (write(wake_.get(), &one, sizeof(one)) < 0) return;
}

void RunSession::WaitForSomething() {
  std::array<pollfd, 3> watched = {
      {{wake_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, console_.Watch(WantsInput())}};
  const std::optional<Clock::time_point> deadline = NextDeadline();
  timespec timeout = {};
  if (deadline) timeout = ToTimespec(*deadline - Clock::now());
  if (ppoll(watched.data(), watched.size(), deadline ? &timeout : nullptr, nullptr) <= 0) return;
  if (watched[1].revents != 0) HandleSignals();
  if (watched[0].revents != 0) HandleWake();
  if (watched[2].revents != 0) HandleInput();
}

bool RunSession::WantsInput() const {
  // A person must reach the Ctrl-A keys though the guest does not read.
  return console_.is_interactive() || pending_input_.empty();
}

std::optional<RunSession::Clock::time_point> RunSession::NextDeadline() const {
  if (stop_deadline_) return stop_deadline_;
  if (options_.timeout) return begin_ + *options_.timeout;
  return std::nullopt;
}

void RunSession::CheckDeadlines() {
  const std::optional<Clock::time_point> deadline = NextDeadline();
  if (finished_ || !deadline || Clock::now() < *deadline) return;
  if (stop_deadline_) {
    Log(LogLevel::kWarning, "the machine did not stop in time; ending without it");
    stuck_ = true;
  } else {
    RequestStop(StopCause::kTimeout);
  }
}

void RunSession::RequestStop(StopCause cause) {
  if (stop_deadline_) return;
  end_.cause = cause;
  stop_deadline_ = Clock::now() + kStopLimit;
  console_.Abandon();
  if (events_ != nullptr) events_->Abandon();
  stop_requested_ = true;
  const std::lock_guard lock(mutex_);
  if (machine_ != nullptr) {
    machine_->Stop();
  } else if (!report_) {
    // Creation may take long or hang; nothing of it outlives the process.
    stuck_ = true;
  }
}

void RunSession::HandleWake() {
  uint64_t count = 0;
  if (read(wake_.get(), &count, sizeof(count)) < 0) return;
  bool console_lost = false;
  {
    const std::lock_guard lock(mutex_);
    console_lost = console_error_.has_value();
  }
  if (console_lost) RequestStop(StopCause::kConsoleLost);
  SendPending();
}

void RunSession::HandleSignals() {
  signalfd_siginfo info;
  while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
    HandleSignal(static_cast<int>(info.ssi_signo));
  }
}

void RunSession::HandleSignal(int signal_number) {
  if (signal_number == SIGTSTP) return StopByJobControl();
  if (signal_number == SIGWINCH) return SendConsoleSize();
  if (signal_number == SIGCONT) {
    console_.Resume();
    return SendConsoleSize();
  }
  if (stop_deadline_) {
    stuck_ = true;
    return;
  }
  end_.signal_number = signal_number;
  RequestStop(StopCause::kSignal);
}

void RunSession::StopByJobControl() {
  console_.Suspend();
  // The default action of the blocked SIGTSTP. SIGCONT comes through the signalfd afterwards.
  raise(SIGSTOP);
}

}  // namespace sealvm
