// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_COMMAND_LINE_H_
#define SEALVM_VMM_CLI_COMMAND_LINE_H_

#include <span>
#include <string>
#include <variant>

#include "memory/base/result.h"
#include "vmm/cli/measure_request.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// `sealvm run`.
struct RunRequest {
  RunOptions options;
  // --print-config: print `options` and do nothing.
  bool print_config = false;
  // Whether a mode was named, be it "auto", rather than left to the default.
  bool isolation_named = false;
};

// `sealvm doctor`.
struct DoctorRequest {
  bool json = false;
};

// `sealvm inspect`.
struct InspectRequest {
  std::string path;
  bool json = false;
};

// --help, --version: text for standard output.
struct TextRequest {
  std::string text;
};

using Command =
    std::variant<RunRequest, DoctorRequest, InspectRequest, MeasureRequest, TextRequest>;

// Reads the arguments after the program's name; a file named by --config is read too, and what the
// command line says goes over it. Everything that can be checked without touching the host is.
Result<Command> ParseCommandLine(std::span<const char* const> arguments);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_COMMAND_LINE_H_
