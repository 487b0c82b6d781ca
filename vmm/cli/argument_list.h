// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_ARGUMENT_LIST_H_
#define SEALVM_VMM_CLI_ARGUMENT_LIST_H_

#include <CLI/CLI.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"

namespace sealvm {

// What CLI11 gets: one value option a pair of arguments. Its own reading takes the next argument
// for the value of "--kernel=", and words errors about values poorly.
struct NormalArguments {
  std::vector<std::string> list;
  bool asks_for_help = false;
};

// `value_options`: names without dashes of the options that take a value; each comes at most once,
// except those for which `may_repeat`, when not null, holds.
Result<NormalArguments> NormalizeArguments(std::span<const char* const> arguments,
                                           std::span<const std::string_view> value_options,
                                           bool (*may_repeat)(std::string_view name) = nullptr);

// Parses `arguments` with `app`; errors become values. `names`: what to suggest for an option that
// is not known.
Result<> ParseWith(CLI::App& app, std::vector<std::string> arguments,
                   std::span<const std::string_view> names);

// An option whose text is read later.
CLI::Option* AddValueOption(CLI::App& app, std::string_view name);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_ARGUMENT_LIST_H_
