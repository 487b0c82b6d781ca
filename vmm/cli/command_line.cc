// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "vmm/api/version.h"
#include "vmm/cli/config_file.h"
#include "vmm/cli/help_text.h"
#include "vmm/cli/nearest_name.h"
#include "vmm/cli/option_table.h"

namespace sealvm {
namespace {

constexpr std::string_view kCommands[] = {"run", "doctor", "inspect", "measure"};

// CLI11 reports an error by throwing; its texts may have several lines.
std::unexpected<Error> BadUsage(const std::string& command, std::string_view text) {
  const std::string_view first_line = text.substr(0, text.find('\n'));
  return InvalidInput(std::string(first_line), "see 'sealvm " + command + " --help'");
}

// The first argument that nothing took, as an error with a suggestion.
std::unexpected<Error> UnknownArgument(const std::string& argument, const std::string& command,
                                       std::span<const std::string_view> names) {
  if (!argument.starts_with("-")) {
    return InvalidInput("unexpected argument '" + argument + "'",
                        "see 'sealvm " + command + " --help'");
  }
  const std::string flag = argument.substr(0, argument.find('='));
  const std::string name = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
  std::string hint = Suggestion(name, names, "--");
  if (hint.empty()) hint = "see 'sealvm " + command + " --help'";
  return InvalidInput("unknown option '" + flag + "'", std::move(hint));
}

// Parses `arguments` with `app`; errors become values.
Result<> ParseWith(CLI::App& app, std::vector<std::string> arguments,
                   std::span<const std::string_view> names) {
  // CLI11 takes the arguments from the back.
  std::ranges::reverse(arguments);
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ExtrasError&) {
    return UnknownArgument(app.remaining().front(), app.get_name(), names);
  } catch (const CLI::ParseError& error) {
    return BadUsage(app.get_name(), error.what());
  }
  return {};
}

// What CLI11 gets: one value option a pair of arguments. Its own reading takes the next argument
// for the value of "--kernel=", and words errors about values poorly.
struct NormalArguments {
  std::vector<std::string> list;
  bool asks_for_help = false;
};

class Normalizer {
 public:
  // `value_options`: names without dashes of the options that take a value, each once unless the
  // option table says otherwise.
  explicit Normalizer(std::span<const std::string_view> value_options)
      : value_options_(value_options) {}

  Result<NormalArguments> Normalize(std::span<const char* const> arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string_view argument = arguments[i];
      const size_t equals = argument.find('=');
      const std::string_view flag = argument.substr(0, equals);
      if (!TakesValue(flag)) {
        normal_.asks_for_help |= argument == "--help" || argument == "-h";
        normal_.list.emplace_back(argument);
      } else if (equals != argument.npos) {
        SEALVM_TRY(Add(flag, argument.substr(equals + 1)));
      } else if (++i < arguments.size()) {
        SEALVM_TRY(Add(flag, arguments[i]));
      } else {
        return InvalidInput(std::string(flag) + " needs a value");
      }
    }
    return std::move(normal_);
  }

 private:
  bool TakesValue(std::string_view flag) const {
    return flag.starts_with("--") &&
           std::ranges::find(value_options_, flag.substr(2)) != value_options_.end();
  }

  static bool MayRepeat(std::string_view flag) {
    const OptionSpec* spec = FindRunOption(flag.substr(2));
    return spec != nullptr && spec->table != nullptr && spec->table->repeatable;
  }

  Result<> Add(std::string_view flag, std::string_view value) {
    if (!MayRepeat(flag) && std::ranges::find(seen_, flag) != seen_.end()) {
      return InvalidInput(std::string(flag) + " is given twice");
    }
    seen_.push_back(flag);
    normal_.list.emplace_back(flag);
    normal_.list.emplace_back(value);
    return {};
  }

  std::span<const std::string_view> value_options_;
  std::vector<std::string_view> seen_;
  NormalArguments normal_;
};

// `run`'s options as CLI11 knows them; values are taken as text and read by the option table.
class RunParser {
 public:
  RunParser() : app_("", "run") {
    app_.set_help_flag();
    for (const OptionSpec& spec : RunOptionTable()) {
      if (spec.name == kVerboseName) continue;
      values_.push_back({&spec, AddValue(spec.name)});
    }
    config_ = AddValue("config");
    print_config_ = app_.add_flag("--print-config");
    verbose_ = app_.add_flag("-v,--verbose");
  }

  Result<Command> Parse(std::span<const char* const> arguments) {
    NormalArguments normal = SEALVM_TRY(Normalizer(ValueOptionNames()).Normalize(arguments));
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

  CLI::Option* AddValue(std::string_view name) {
    CLI::Option* option = app_.add_option("--" + std::string(name),
                                          CLI::callback_t([](const auto&) { return true; }));
    return option->type_size(1)->expected(1)->take_all();
  }

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

  Result<> ApplyFlags(RunRequest& request) const {
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
  NormalArguments normal = SEALVM_TRY(Normalizer({}).Normalize(arguments));
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
  if (word == "measure") {
    return InvalidInput("measure: this version of sealvm measures no launch",
                        "it comes with the sealed and confidential modes");
  }
  if (word == "--help" || word == "-h" || word == "help") return TextRequest{GeneralHelp()};
  if (word == "--version") return TextRequest{"sealvm " + std::string(kVersion) + "\n"};
  return UnknownCommand(word);
}

}  // namespace sealvm
