// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <vector>

#include "vmm/api/version.h"
#include "vmm/cli/argument_list.h"
#include "vmm/cli/config_file.h"
#include "vmm/cli/help_text.h"
#include "vmm/cli/measure_arguments.h"
#include "vmm/cli/nearest_name.h"
#include "vmm/cli/option_table.h"

namespace sealvm {
namespace {

constexpr std::string_view kCommands[] = {"run", "doctor", "inspect", "measure"};

// Whether `run` takes the option more than once.
bool MayRepeat(std::string_view name) {
  const OptionSpec* spec = FindRunOption(name);
  return spec != nullptr && spec->table != nullptr && spec->table->repeatable;
}

// `run`'s options as CLI11 knows them; values are taken as text and read by the option table.
class RunParser {
 public:
  RunParser() : app_("", "run") {
    app_.set_help_flag();
    for (const OptionSpec& spec : RunOptionTable()) {
      if (spec.name == kVerboseName) continue;
      values_.push_back({&spec, AddValueOption(app_, spec.name)});
    }
    config_ = AddValueOption(app_, "config");
    print_config_ = app_.add_flag("--print-config");
    verbose_ = app_.add_flag("-v,--verbose");
  }

  Result<Command> Parse(std::span<const char* const> arguments) {
    NormalArguments normal =
        SEALVM_TRY(NormalizeArguments(arguments, ValueOptionNames(), MayRepeat));
    if (normal.asks_for_help) return TextRequest{RunHelp()};
    std::vector<std::string_view> names = RunOptionNames();
    names.insert(names.end(), {"config", "print-config", "help"});
    SEALVM_TRY(ParseWith(app_, std::move(normal.list), names));
    RunRequest request;
    if (config_->count() > 0) {
      const std::string& path = config_->results().front();
      SEALVM_TRY(ApplyConfigFile(path, request.options, request.isolation_named));
    }
    SEALVM_TRY(ApplyFlags(request));
    SEALVM_TRY(ValidateConfig(request.options.machine));
    request.print_config = print_config_->count() > 0;
    return request;
  }

 private:
  static constexpr std::string_view kVerboseName = "verbose";

  struct Value {
    const OptionSpec* spec;
    CLI::Option* option;
  };

  static std::vector<std::string_view> ValueOptionNames() {
    std::vector<std::string_view> names = {"config"};
    for (const OptionSpec& spec : RunOptionTable()) {
      if (spec.name != kVerboseName) names.push_back(spec.name);
    }
    return names;
  }

  static Result<> ApplyTable(const TableOption& table, const std::string& flag,
                             const std::vector<std::string>& texts, RunOptions& options) {
    std::vector<TableValue> values;
    for (const std::string& text : texts) {
      Result<KeyValues> keys = SplitKeyValues(text, table.implied_key);
      if (!keys) return WithContext(std::move(keys).error(), flag);
      values.push_back({*std::move(keys), flag});
    }
    return table.replace(options, values);
  }

  bool IsGiven(std::string_view name) const {
    return std::ranges::any_of(values_, [name](const Value& value) {
      return value.spec->name == name && value.option->count() > 0;
    });
  }

  Result<> ApplyFlags(RunRequest& request) const {
    if (IsGiven("cpu-model") && IsGiven("vcpu-signature")) {
      return InvalidInput("--cpu-model and --vcpu-signature say the same: give one");
    }
    for (const Value& value : values_) {
      if (value.option->count() == 0) continue;
      const std::string flag = "--" + std::string(value.spec->name);
      if (value.spec->table != nullptr) {
        SEALVM_TRY(ApplyTable(*value.spec->table, flag, value.option->results(), request.options));
        continue;
      }
      Result<> applied = value.spec->apply(request.options, value.option->results().front());
      if (!applied) return WithContext(std::move(applied).error(), flag);
      if (value.spec->name == "isolation") request.isolation_named = true;
    }
    if (verbose_->count() > 0) request.options.verbosity = static_cast<int>(verbose_->count());
    return {};
  }

  CLI::App app_;
  std::vector<Value> values_;
  CLI::Option* config_ = nullptr;
  CLI::Option* print_config_ = nullptr;
  CLI::Option* verbose_ = nullptr;
};

// The options of a subcommand that has no values: its arguments and whether help is asked for.
Result<bool> ParseSimple(CLI::App& app, std::span<const char* const> arguments) {
  app.set_help_flag();
  NormalArguments normal = SEALVM_TRY(NormalizeArguments(arguments, {}));
  if (normal.asks_for_help) return true;
  constexpr std::string_view kNames[] = {"json", "help"};
  SEALVM_TRY(ParseWith(app, std::move(normal.list), kNames));
  return false;
}

Result<Command> ParseDoctor(std::span<const char* const> arguments) {
  CLI::App app("", "doctor");
  DoctorRequest request;
  app.add_flag("--json", request.json);
  if (SEALVM_TRY(ParseSimple(app, arguments))) return TextRequest{DoctorHelp()};
  return request;
}

Result<Command> ParseInspect(std::span<const char* const> arguments) {
  CLI::App app("", "inspect");
  InspectRequest request;
  app.add_flag("--json", request.json);
  app.add_option("FILE", request.path);
  if (SEALVM_TRY(ParseSimple(app, arguments))) return TextRequest{InspectHelp()};
  if (request.path.empty()) {
    return InvalidInput("inspect: a file is expected", "sealvm inspect FILE");
  }
  return request;
}

Result<Command> ParseMeasure(std::span<const char* const> arguments) {
  std::optional<MeasureRequest> request = SEALVM_TRY(ParseMeasureArguments(arguments));
  if (!request) return TextRequest{MeasureHelp()};
  return *std::move(request);
}

std::unexpected<Error> UnknownCommand(const std::string& word) {
  if (word.starts_with("-")) {
    constexpr std::string_view kNames[] = {"help", "version"};
    const std::string name = word.substr(std::min(word.find_first_not_of('-'), word.size()));
    std::string hint = FindRunOption(name) != nullptr ? "it is an option of 'sealvm run'"
                                                      : Suggestion(name, kNames, "--");
    return InvalidInput("unknown option '" + word + "'", std::move(hint));
  }
  std::string hint = Suggestion(word, kCommands);
  return InvalidInput("unknown command '" + word + "'",
                      hint.empty() ? "see 'sealvm --help'" : hint);
}

}  // namespace

Result<Command> ParseCommandLine(std::span<const char* const> arguments) {
  if (arguments.empty()) return InvalidInput("a command is expected", "see 'sealvm --help'");
  const std::string word = arguments.front();
  const std::span<const char* const> rest = arguments.subspan(1);
  if (word == "run") return RunParser().Parse(rest);
  if (word == "doctor") return ParseDoctor(rest);
  if (word == "inspect") return ParseInspect(rest);
  if (word == "measure") return ParseMeasure(rest);
  if (word == "--help" || word == "-h" || word == "help") return TextRequest{GeneralHelp()};
  if (word == "--version") return TextRequest{"sealvm " + std::string(kVersion) + "\n"};
  return UnknownCommand(word);
}

}  // namespace sealvm
