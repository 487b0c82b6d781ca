// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_RUN_SESSION_H_
#define SEALVM_VMM_CLI_RUN_SESSION_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "memory/base/fd.h"
#include "vmm/api/machine.h"
#include "vmm/cli/console.h"
#include "vmm/cli/console_keys.h"
#include "vmm/cli/event_writer.h"
#include "vmm/cli/monitor_line.h"
#include "vmm/cli/run_options.h"
#include "vmm/cli/run_outcome.h"

namespace sealvm {

// One run of a machine with everything around it. The thread that calls Run creates the machine and
// runs it, with --reboot on again after each reset; a second one, the control thread, waits in
// poll(2) for input, signals and the timeout, so that a signal ends even a creation that hangs.
class RunSession {
 public:
  // `console` and `events` (may be null) outlive the session. `isolation_named`: see RunRequest.
  RunSession(const RunOptions& options, bool isolation_named, Console& console,
             EventWriter* events);
  RunSession(const RunSession&) = delete;
  RunSession& operator=(const RunSession&) = delete;
  ~RunSession() = default;

  // Blocks the signals that a session handles, in this thread and those it starts.
  static void BlockSignals();

  // Ends the process: when the run is over, however it ended, `conclude` gets its outcome on the
  // control thread and returns the exit code for _exit. Nothing is destroyed: the machine may not
  // have stopped in time, and the kernel takes it back at once and with fewer system calls.
  [[noreturn]] void Run(const std::function<int(const RunOutcome&)>& conclude);
  // Since the session began.
  std::chrono::nanoseconds Elapsed() const { return Clock::now() - begin_; }

 private:
  using Clock = std::chrono::steady_clock;

  // On the thread of Run.
  void RunMachine();
  Result<ExitReport> RunWithReboots();
  Result<ExitReport> CreateAndRun(const MachineConfig& config);
  void NoteReset();
  MachineCallbacks Callbacks();
  void PublishMachine(Machine* machine);
  void SendConsoleSize();
  void OnConsoleOutput(std::span<const uint8_t> bytes);
  void ReportIsolation(const Machine& machine) const;

  // On the control thread, but for OpenDescriptors.
  Result<> OpenDescriptors();
  [[noreturn]] void ControlThread(const std::function<int(const RunOutcome&)>& conclude);
  RunOutcome Outcome();
  void WaitForSomething();
  void HandleWake();
  void HandleSignals();
  void HandleSignal(int signal_number);
  void StopByJobControl();
  void HandleInput();
  void HandleTyped(std::span<const uint8_t> bytes);
  void HandleRequest(ConsoleRequest request);
  void HandleMonitorByte(uint8_t byte);
  void RunMonitorCommand(MonitorCommand command);
  void ShowStatus();
  void QueueForGuest(std::span<const uint8_t> bytes);
  void SendPending();
  void CheckDeadlines();
  void RequestStop(StopCause cause);
  void Wake();
  bool WantsInput() const;
  std::optional<Clock::time_point> NextDeadline() const;

  const RunOptions& options_;
  const bool isolation_named_;
  Console& console_;
  EventWriter* events_;
  const Clock::time_point begin_ = Clock::now();

  Fd signals_;
  Fd wake_;

  // Control thread only.
  RunEnd end_;
  std::optional<Clock::time_point> stop_deadline_;
  bool stuck_ = false;
  ConsoleKeys keys_;
  std::optional<MonitorLine> monitor_;
  std::vector<uint8_t> pending_input_;

  // The thread of Run only.
  std::optional<Machine> machine_storage_;

  // Shared. `mutex_` guards what follows it up to the atomics.
  std::mutex mutex_;
  Machine* machine_ = nullptr;
  std::optional<Result<ExitReport>> report_;
  std::optional<MachineStats> stats_;  // of the last machine
  uint64_t resets_ = 0;                // written by the thread of Run only
  std::optional<Error> console_error_;
  std::atomic<bool> finished_ = false;
  std::atomic<bool> input_waits_ = false;
  std::atomic<bool> stop_requested_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_RUN_SESSION_H_
