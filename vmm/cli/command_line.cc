// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "vmm/cli/config_file.h"
#include "vmm/cli/help_text.h"
#include "vmm/cli/nearest_name.h"
#include "vmm/cli/option_table.h"
#include "vmm/cli/version.h"

namespace sealvm {
namespace {

constexpr std::string_view kCommands[] = {"run", "doctor", "inspect", "measure"};

// CLI11 reports an error by throwing; its texts may have several lines.
std::unexpected<Error> BadUsage(const std::string& command, std::string_view text) {
  const std::string_view first_line = text.substr(0, text.find('\n'));
  return InvalidInput(std::string(first_line), "see 'sealvm " + command + "--help'");
}

// The first argument that nothing took, as an error with a suggestion.
std::unexpected<Error> UnknownArgument(const std::string& argument, const std::string& command,
                                       std::span<const std::string_view> names) {
  if (!argument.starts_with("-")) {
    return InvalidInput("unexpected argument '" + argument + "'",
                        "see 'sealvm " + command + " --help'");
  }
  const std::string flag = argument.substr(0, argument.find('='));
  const std::string_view name = std::string_view(flag).substr(
      flag.find_first_not_of('-') == flag.npos ? flag.size() : flag.find_first_not_of('-'));
  std::string hint = Suggestion(name, names, "--");
  if (hint.empty()) hint = "see 'sealvm " + command + " --help'";
  return InvalidInput("unknown option '" + flag + "'", std::move(hint));
}

// Parses `arguments` with `app`; errors become values.
Result<> ParseWith(CLI::App& app, std::span<const char* const> arguments,
                   std::span<const std::string_view> names) {
  // CLI11 takes the arguments from the back.
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ExtrasError&) {
    return UnknownArgument(app.remaining().front(), app.get_name(), names);
  } catch (const CLI::ParseError& error) {
    return BadUsage(app.get_name() + " ", error.what());
  }
  return {};
}

bool AsksForHelp(std::span<const char* const> arguments) {
  return std::ranges::any_of(arguments, [](std::string_view argument) {
    return argument == "--help" || argument == "-h";
  });
}

// `run`'s options as CLI11 knows them; values are taken as text and read by the option table.
class RunParser {
 public:
  RunParser() : app_("", "run") {
    app_.set_help_flag();
    for (const OptionSpec& spec : RunOptionTable()) {
      if (spec.name == kVerboseName) continue;
      values_.push_back({&spec, AddValue(spec.name)});
    }
    for (std::string_view name : AbsentDeviceOptions()) absent_.push_back(AddValue(name));
    config_ = AddValue("config");
    print_config_ = app_.add_flag("--print-config");
    verbose_ = app_.add_flag("-v,--verbose");
  }

  Result<RunRequest> Parse(std::span<const char* const> arguments) {
    std::vector<std::string_view> names = RunOptionNames();
    names.insert(names.end(), {"config", "print-config", "help"});
    SEALVM_TRY(ParseWith(app_, arguments, names));
    SEALVM_TRY(RefuseAbsentDevices());
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
    return option->type_size(1)->expected(1);
  }

  Result<> RefuseAbsentDevices() const {
    for (size_t i = 0; i < absent_.size(); ++i) {
      const std::string name(AbsentDeviceOptions()[i]);
      if (absent_[i]->count() > 0)
        return InvalidInput("--" + name + ": " + AbsentDeviceMessage(name));
    }
    return {};
  }

  Result<> ApplyFlags(RunRequest& request) const {
    for (const Value& value : values_) {
      if (value.option->count() == 0) continue;
      Result<> applied = value.spec->apply(request.options, value.option->results().front());
      if (!applied) {
        return WithContext(std::move(applied).error(), "--" + std::string(value.spec->name));
      }
      if (value.spec->name == "isolation") request.isolation_named = true;
    }
    if (verbose_->count() > 0) request.options.verbosity = static_cast<int>(verbose_->count());
    return {};
  }

  CLI::App app_;
  std::vector<Value> values_;
  std::vector<CLI::Option*> absent_;
  CLI::Option* config_ = nullptr;
  CLI::Option* print_config_ = nullptr;
  CLI::Option* verbose_ = nullptr;
};

Result<Command> ParseRun(std::span<const char* const> arguments) {
  if (AsksForHelp(arguments)) return TextRequest{RunHelp()};
  return SEALVM_TRY(RunParser().Parse(arguments));
}

Result<Command> ParseDoctor(std::span<const char* const> arguments) {
  if (AsksForHelp(arguments)) return TextRequest{DoctorHelp()};
  CLI::App app("", "doctor");
  app.set_help_flag();
  DoctorRequest request;
  app.add_flag("--json", request.json);
  constexpr std::string_view kNames[] = {"json", "help"};
  SEALVM_TRY(ParseWith(app, arguments, kNames));
  return request;
}

Result<Command> ParseInspect(std::span<const char* const> arguments) {
  if (AsksForHelp(arguments)) return TextRequest{InspectHelp()};
  CLI::App app("", "inspect");
  app.set_help_flag();
  InspectRequest request;
  app.add_flag("--json", request.json);
  app.add_option("FILE", request.path);
  constexpr std::string_view kNames[] = {"json", "help"};
  SEALVM_TRY(ParseWith(app, arguments, kNames));
  if (request.path.empty())
    return InvalidInput("inspect: a file is expected", "sealvm inspect FILE");
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
  if (word == "run") return ParseRun(rest);
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
