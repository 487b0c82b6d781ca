// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_EVENT_WRITER_H_
#define SEALVM_VMM_CLI_EVENT_WRITER_H_

#include <chrono>
#include <mutex>
#include <string>

#include "vmm/api/machine.h"
#include "vmm/cli/output_sink.h"
#include "vmm/cli/run_outcome.h"

namespace sealvm {

// {"event":"first-instruction","time_ns":1234}: one line of --events-fd, newline included. Boot
// marks carry "value".
std::string EventLine(const Event& event);
// The guest reset, and its machine is made anew.
std::string ResetEventLine(std::chrono::nanoseconds since_create);
// The last line: how the run ended as a whole, with what the process returns.
std::string ExitEventLine(const RunOutcome& outcome, std::chrono::nanoseconds since_create);

// Writes events to the descriptor that the user gave. When it breaks, one warning is logged and the
// run goes on without events. Thread-safe.
class EventWriter {
 public:
  // Checks that `fd` is open and writable, and is not one that the console uses; kInvalidInput.
  static Result<OutputSink> OpenSink(int fd, ConsoleKind console);

  explicit EventWriter(OutputSink sink) : sink_(std::move(sink)) {}

  void Write(const std::string& line);
  void Abandon() { sink_.Abandon(); }

 private:
  std::mutex mutex_;
  OutputSink sink_;
  bool broken_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_EVENT_WRITER_H_
