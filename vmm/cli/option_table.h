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
#include "vmm/cli/table_option.h"
#include "vmm/cli/value_kind.h"

namespace sealvm {

// One option of `run`: the flag --name and the TOML key name are two spellings of it.
struct OptionSpec {
  std::string_view name;
  std::string_view placeholder;
  std::string_view help;
  std::string_view group;
  ValueKind kind;
  // Both are null for a table. Puts the value's text into the options. The error lacks the option's
  // name.
  Result<> (*apply)(RunOptions& options, std::string_view text);
  // The text that apply takes to give the same; nothing for an option that is unset.
  std::optional<std::string> (*render)(const RunOptions& options);
  // Not null for kTable alone.
  const TableOption* table = nullptr;
};

// All options of `run` that carry a value, in the order of the help.
std::span<const OptionSpec> RunOptionTable();

// nullptr when there is none.
const OptionSpec* FindRunOption(std::string_view name);

// All names, for suggestions.
std::vector<std::string_view> RunOptionNames();

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_OPTION_TABLE_H_
