// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_RUN_OPTIONS_H_
#define SEALVM_VMM_CLI_RUN_OPTIONS_H_

#include <chrono>
#include <optional>
#include <string>

#include "vmm/api/config.h"

namespace sealvm {

enum class ConsoleKind { kStdio, kPty, kFile, kSocket, kOff };

// Where the guest's serial console leads. `path` belongs to kFile and kSocket.
struct ConsoleTarget {
  ConsoleKind kind = ConsoleKind::kStdio;
  std::string path;

  friend bool operator==(const ConsoleTarget&, const ConsoleTarget&) = default;
};

// What `sealvm run` was asked for: the machine, and what only the front-end knows.
struct RunOptions {
  MachineConfig machine;
  ConsoleTarget console;
  std::optional<int> events_fd;
  // Paths; empty means none.
  std::string stats_file;
  std::string log_file;
  // 0: warnings and errors, 1: progress, 2 and more: debug.
  int verbosity = 0;
  std::optional<std::chrono::nanoseconds> timeout;
  // Whether a guest's reset makes its machine anew; else it ends the run.
  bool reboot = false;
  // Whether the guest's exit device decides the process's exit code.
  bool guest_exit_code = false;

  friend bool operator==(const RunOptions&, const RunOptions&) = default;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_RUN_OPTIONS_H_
