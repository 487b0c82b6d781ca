// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>

#include "vmm/cli/commands.h"
#include "vmm/cli/config_file.h"
#include "vmm/cli/console.h"
#include "vmm/cli/event_writer.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/log.h"
#include "vmm/cli/run_session.h"
#include "vmm/cli/stats_file.h"

namespace sealvm {
namespace {

// What the run needs besides the machine. Opened before the guest starts, so that a mistake in an
// option costs nothing.
struct RunResources {
  std::unique_ptr<EventWriter> events;
  std::optional<StatsFile> stats;
  std::unique_ptr<Console> console;
};

// Descriptors 0 to 2 that the caller closed would be given to files opened here, and the guest's
// output to one of them. A closed standard output stays an error for the console that wants it.
Result<> OccupyStandardDescriptors(const RunOptions& options) {
  std::array<pollfd, 3> standard = {{{0, 0, 0}, {1, 0, 0}, {2, 0, 0}}};
  if (poll(standard.data(), standard.size(), 0) <= 0) return {};
  for (const pollfd& entry : standard) {
    if ((entry.revents & POLLNVAL) == 0) continue;
    if (entry.fd == STDOUT_FILENO && options.console.kind == ConsoleKind::kStdio) {
      return HostError("standard output is closed, and the guest's console goes there",
                       "open it, or use --console off");
    }
    // open(2) takes the lowest free number, which is this one.
    const int fd = open("/dev/null", O_RDWR);
    if (fd != entry.fd) return SystemError("open", "/dev/null", errno);
  }
  return {};
}

// virtiofsd ends when its machine hangs up.
Result<> CheckReboot(const RunOptions& options) {
  if (!options.reboot || options.machine.devices.shares.empty()) return {};
  return InvalidInput("--reboot on: a share's server (--fs) serves one machine and ends with it",
                      "leave one of the two out");
}

Result<RunResources> OpenResources(const RunOptions& options) {
  SEALVM_TRY(CheckReboot(options));
  RunResources resources;
  // The descriptor of --events-fd is looked at before any of ours could have its number.
  if (options.events_fd) {
    resources.events = std::make_unique<EventWriter>(
        SEALVM_TRY(EventWriter::OpenSink(*options.events_fd, options.console.kind)));
  }
  SEALVM_TRY(OccupyStandardDescriptors(options));
  Fd log_file;
  if (!options.log_file.empty()) log_file = SEALVM_TRY(OpenLogFile(options.log_file));
  ConfigureLog(options.verbosity, std::move(log_file));
  if (!options.stats_file.empty()) {
    resources.stats = SEALVM_TRY(StatsFile::Prepare(options.stats_file));
  }
  resources.console = SEALVM_TRY(OpenConsole(options.console));
  return resources;
}

// Events, statistics, the error line; returns the exit code.
int Conclude(const RunOutcome& outcome, std::chrono::nanoseconds elapsed, RunResources& resources) {
  resources.console->CleanUp();
  int exit_code = outcome.exit_code;
  if (resources.events != nullptr) resources.events->Write(ExitEventLine(outcome, elapsed));
  if (outcome.error) ReportError(*outcome.error);
  if (resources.stats) {
    const Result<> written = resources.stats->Write(StatsJson(outcome));
    if (!written) ReportError(written.error());
    if (!written && exit_code == kExitSuccess) exit_code = kExitHostError;
  }
  return exit_code;
}

}  // namespace

int ExecuteRun(const RunRequest& request) {
  if (request.print_config) return PrintText(PrintConfig(request.options));
  RunSession::BlockSignals();
  Result<RunResources> resources = OpenResources(request.options);
  if (!resources) {
    ReportError(resources.error());
    return ExitCodeOf(resources.error());
  }
  RunSession session(request.options, request.isolation_named, *resources->console,
                     resources->events.get());
  session.Run(
      [&](const RunOutcome& outcome) { return Conclude(outcome, session.Elapsed(), *resources); });
}

}  // namespace sealvm
