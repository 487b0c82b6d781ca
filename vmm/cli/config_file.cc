// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "memory/base/fd.h"
#include "vmm/cli/nearest_name.h"
#include "vmm/cli/option_table.h"
#include "vmm/cli/toml_reader.h"

namespace sealvm {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

std::string RenderValue(const OptionSpec& option, const std::string& text) {
  switch (option.kind) {
    case ValueKind::kInteger:
    case ValueKind::kSeconds:
      return text;
    case ValueKind::kSwitch:
      return text == "on" ? "true" : "false";
    case ValueKind::kString:
    case ValueKind::kSize:
      break;
  }
  return QuoteToml(text);
}

bool Accepts(ValueKind kind, TomlType type) {
  if (type == TomlType::kString) return kind != ValueKind::kInteger && kind != ValueKind::kSeconds;
  switch (kind) {
    case ValueKind::kInteger:
    case ValueKind::kSize:
      return type == TomlType::kInteger;
    case ValueKind::kSeconds:
      return type == TomlType::kInteger || type == TomlType::kFloat;
    case ValueKind::kSwitch:
      return type == TomlType::kBoolean;
    case ValueKind::kString:
      break;
  }
  return false;
}

std::string_view Wanted(ValueKind kind) {
  switch (kind) {
    case ValueKind::kInteger:
      return "an integer";
    case ValueKind::kSeconds:
      return "a number of seconds";
    case ValueKind::kSwitch:
      return "true or false";
    case ValueKind::kSize:
      return "a string such as \"512M\"";
    case ValueKind::kString:
      break;
  }
  return "a string in quotes";
}

std::unexpected<Error> UnknownKey(const std::string& key) {
  if (IsAbsentDeviceOption(key)) {
    return InvalidInput(key + ": " + AbsentDeviceMessage(key));
  }
  return InvalidInput("unknown key '" + key + "'", Suggestion(key, RunOptionNames()));
}

Result<> ApplyEntry(const TomlEntry& entry, RunOptions& options) {
  const OptionSpec* option = FindRunOption(entry.key);
  if (option == nullptr) return UnknownKey(entry.key);
  if (!Accepts(option->kind, entry.type)) {
    return InvalidInput(entry.key + ": " + std::string(Wanted(option->kind)) + " is expected");
  }
  std::string text = entry.text;
  if (entry.type == TomlType::kBoolean) text = entry.text == "true" ? "on" : "off";
  Result<> applied = option->apply(options, text);
  if (!applied) return WithContext(std::move(applied).error(), entry.key);
  return {};
}

std::unexpected<Error> UnknownSection(const std::string& name) {
  if (IsAbsentDeviceOption(name)) {
    return InvalidInput("[" + name + "]: " + AbsentDeviceMessage(name));
  }
  return InvalidInput("unknown section [" + name + "]", "keys stand outside sections");
}

Result<> ApplyDocument(const TomlDocument& document, RunOptions& options, bool& isolation_named) {
  for (const TomlEntry& entry : document.entries) {
    Result<> applied = ApplyEntry(entry, options);
    if (!applied) {
      return WithContext(std::move(applied).error(), "line " + std::to_string(entry.line));
    }
    if (entry.key == "isolation") isolation_named = true;
  }
  if (document.sections.empty()) return {};
  const TomlSection& section = document.sections.front();
  return WithContext(UnknownSection(section.name).error(), "line " + std::to_string(section.line));
}

// A file that the user named: what is wrong with it is the user's to mend.
std::unexpected<Error> FileError(std::string_view call, const std::string& path) {
  std::unexpected<Error> failure = SystemError(call, path, errno);
  failure.error().kind = ErrorKind::kInvalidInput;
  return WithContext(std::move(failure).error(), "--config");
}

Result<std::string> ReadWholeFile(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) return FileError("open", path);
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError("read", path);
    if (count == 0) return text;
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > kMaxConfigBytes) {
      return InvalidInput("--config " + path + ": more than 1 MiB is no configuration");
    }
  }
}

}  // namespace

std::string PrintConfig(const RunOptions& options) {
  std::string out;
  for (const OptionSpec& option : RunOptionTable()) {
    const std::optional<std::string> text = option.render(options);
    if (!text) continue;
    out.append(option.name).append(" = ").append(RenderValue(option, *text)).append("\n");
  }
  return out;
}

Result<> ApplyConfigText(std::string_view text, std::string_view file_name, RunOptions& options,
                         bool& isolation_named) {
  Result<TomlDocument> document = ReadToml(text);
  if (!document) return WithContext(std::move(document).error(), file_name);
  Result<> applied = ApplyDocument(*document, options, isolation_named);
  if (!applied) return WithContext(std::move(applied).error(), file_name);
  return {};
}

Result<> ApplyConfigFile(const std::string& path, RunOptions& options, bool& isolation_named) {
  const std::string text = SEALVM_TRY(ReadWholeFile(path));
  return ApplyConfigText(text, path, options, isolation_named);
}

}  // namespace sealvm
