// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <unistd.h>

#include "vmm/cli/commands.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/help_text.h"
#include "vmm/cli/log.h"
#include "vmm/cli/output_sink.h"

namespace sealvm {

int PrintText(std::string_view text) {
  // A reader that went away is an error message, not a death by signal.
  signal(SIGPIPE, SIG_IGN);
  Result<OutputSink> sink = OutputSink::Create(STDOUT_FILENO, "standard output");
  Result<> written;
  if (sink) {
    written = sink->Write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  } else {
    written = std::unexpected(std::move(sink).error());
  }
  if (written) return kExitSuccess;
  ReportError(written.error());
  return kExitHostError;
}

void PrintUsage() {
  const std::string help = GeneralHelp();
  if (write(STDERR_FILENO, help.data(), help.size()) < 0) return;
}

}  // namespace sealvm
