// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_MEASURE_ARGUMENTS_H_
#define SEALVM_VMM_CLI_MEASURE_ARGUMENTS_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "memory/base/result.h"
#include "vmm/cli/measure_request.h"

namespace sealvm {

// One option of `measure` that takes a value.
struct MeasureOption {
  std::string_view name;
  std::string_view placeholder;
  std::string_view help;
  // The error lacks the option's name.
  Result<> (*apply)(MeasureRequest& request, std::string_view text);
  // The modes whose digest it changes, as bits by IsolationMode. In others it is noted and without
  // effect: one set of options is to do for a comparison of all modes.
  unsigned modes = ~0u;
  bool may_repeat = false;
};

// In the order of the help.
std::span<const MeasureOption> MeasureOptionTable();

// Reads the arguments after "measure"; nothing when they ask for help. Everything that can be
// checked without looking at a file is.
Result<std::optional<MeasureRequest>> ParseMeasureArguments(std::span<const char* const> arguments);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_MEASURE_ARGUMENTS_H_
