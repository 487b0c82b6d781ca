// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/argument_list.h"

#include <algorithm>
#include <utility>

#include "vmm/cli/nearest_name.h"

namespace sealvm {
namespace {

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

class Normalizer {
 public:
  Normalizer(std::span<const std::string_view> value_options,
             bool (*may_repeat)(std::string_view name))
      : value_options_(value_options), may_repeat_(may_repeat) {}

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

  bool MayRepeat(std::string_view flag) const {
    return may_repeat_ != nullptr && may_repeat_(flag.substr(2));
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
  bool (*may_repeat_)(std::string_view name);
  std::vector<std::string_view> seen_;
  NormalArguments normal_;
};

}  // namespace

Result<NormalArguments> NormalizeArguments(std::span<const char* const> arguments,
                                           std::span<const std::string_view> value_options,
                                           bool (*may_repeat)(std::string_view name)) {
  return Normalizer(value_options, may_repeat).Normalize(arguments);
}

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

CLI::Option* AddValueOption(CLI::App& app, std::string_view name) {
  CLI::Option* option =
      app.add_option("--" + std::string(name), CLI::callback_t([](const auto&) { return true; }));
  return option->type_size(1)->expected(1)->take_all();
}

}  // namespace sealvm
