// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>

#include <span>
#include <variant>

#include "vmm/cli/command_line.h"
#include "vmm/cli/commands.h"
#include "vmm/cli/exit_code.h"
#include "vmm/cli/log.h"

namespace {

struct Execute {
  int operator()(const sealvm::RunRequest& request) const { return sealvm::ExecuteRun(request); }
  int operator()(const sealvm::DoctorRequest& request) const {
    return sealvm::ExecuteDoctor(request);
  }
  int operator()(const sealvm::InspectRequest& request) const {
    return sealvm::ExecuteInspect(request);
  }
  int operator()(const sealvm::MeasureRequest& request) const {
    return sealvm::ExecuteMeasure(request);
  }
  int operator()(const sealvm::TextRequest& request) const {
    return sealvm::PrintText(request.text);
  }
};

}  // namespace

int main(int argc, char** argv) {
  // An arena for each thread costs system calls and page tables at the start, and its use is small.
  mallopt(M_ARENA_MAX, 1);
  const std::span<const char* const> arguments(argv, static_cast<size_t>(argc));
  if (argc < 2) {
    sealvm::PrintUsage();
    return sealvm::kExitBadUsage;
  }
  const auto command = sealvm::ParseCommandLine(arguments.subspan(1));
  if (!command) {
    sealvm::ReportError(command.error());
    return sealvm::ExitCodeOf(command.error());
  }
  return std::visit(Execute(), *command);
}
