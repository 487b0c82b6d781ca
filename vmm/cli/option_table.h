// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_OPTION_TABLE_H_
#define SEALVM_VMM_CLI_OPTION_TABLE_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"
#include "vmm/cli/run_options.h"

namespace sealvm {

// How a value is written in TOML. A switch is a boolean there and on|off on the command line; a
// size is a string or a number of bytes.
enum class ValueKind { kString, kSize, kInteger, kSeconds, kSwitch };

// One option of `run`: the flag --name and the TOML key name are two spellings of it.
struct OptionSpec {
  std::string_view name;
  std::string_view placeholder;
  std::string_view help;
  std::string_view group;
  ValueKind kind;
  // Puts the value's text into the options. The error lacks the option's name.
  Result<> (*apply)(RunOptions& options, std::string_view text);
  // The text that apply takes to give the same; nothing for an option that is unset.
  std::optional<std::string> (*render)(const RunOptions& options);
};

// All options of `run` that carry a value, in the order of the help.
std::span<const OptionSpec> RunOptionTable();

// nullptr when there is none.
const OptionSpec* FindRunOption(std::string_view name);

// Options whose devices this version does not have: disk, net, vsock, rng.
std::span<const std::string_view> AbsentDeviceOptions();
bool IsAbsentDeviceOption(std::string_view name);
// "this version of sealvm has no disk device".
std::string AbsentDeviceMessage(std::string_view option);

// Names for suggestions: table, absent ones excluded.
std::vector<std::string_view> RunOptionNames();

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_OPTION_TABLE_H_
