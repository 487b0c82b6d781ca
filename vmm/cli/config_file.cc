// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "memory/base/fd.h"
#include "memory/base/file_io.h"
#include "vmm/cli/nearest_name.h"
#include "vmm/cli/option_table.h"
#include "vmm/cli/toml_reader.h"

namespace sealvm {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

std::string RenderValue(ValueKind kind, const std::string& text) {
  switch (kind) {
    case ValueKind::kInteger:
    case ValueKind::kSeconds:
      return text;
    case ValueKind::kSwitch:
      return text == "on" ? "true" : "false";
    case ValueKind::kString:
    case ValueKind::kSize:
    case ValueKind::kTable:
      break;
  }
  return QuoteToml(text);
}

void AppendKey(std::string& out, std::string_view key, std::string_view value) {
  out.append(key).append(" = ").append(value).append("\n");
}

bool Accepts(ValueKind kind, TomlType type) {
  if (type == TomlType::kString) {
    return kind == ValueKind::kString || kind == ValueKind::kSize || kind == ValueKind::kSwitch;
  }
  switch (kind) {
    case ValueKind::kInteger:
    case ValueKind::kSize:
      return type == TomlType::kInteger;
    case ValueKind::kSeconds:
      return type == TomlType::kInteger || type == TomlType::kFloat;
    case ValueKind::kSwitch:
      return type == TomlType::kBoolean;
    case ValueKind::kString:
    case ValueKind::kTable:
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
    case ValueKind::kTable:
      return "a table";
    case ValueKind::kString:
      break;
  }
  return "a string in quotes";
}

Result<> CheckType(const TomlEntry& entry, ValueKind kind) {
  if (Accepts(kind, entry.type)) return {};
  return InvalidInput(entry.key + ": " + std::string(Wanted(kind)) + " is expected");
}

std::string OptionText(const TomlEntry& entry) {
  if (entry.type != TomlType::kBoolean) return entry.text;
  return entry.text == "true" ? "on" : "off";
}

// "[[disk]]", or "[vsock]" for an option of which there is one.
std::string HeaderOf(const OptionSpec& option) {
  const std::string name = "[" + std::string(option.name) + "]";
  return option.table->repeatable ? "[" + name + "]" : name;
}

Result<> ApplyEntry(const TomlEntry& entry, RunOptions& options) {
  const OptionSpec* option = FindRunOption(entry.key);
  if (option == nullptr) {
    return InvalidInput("unknown key '" + entry.key + "'", Suggestion(entry.key, RunOptionNames()));
  }
  if (option->table != nullptr) {
    return InvalidInput(entry.key + ": a table is expected", "its header is " + HeaderOf(*option));
  }
  SEALVM_TRY(CheckType(entry, option->kind));
  Result<> applied = option->apply(options, OptionText(entry));
  if (!applied) return WithContext(std::move(applied).error(), entry.key);
  return {};
}

// Appends what the entry says; a repeated key may have an array.
Result<> AddTableEntry(const TomlEntry& entry, std::span<const KeyShape> shapes, KeyValues& keys) {
  const KeyShape* shape = FindKey(shapes, entry.key);
  if (shape == nullptr) return UnknownKeyError(shapes, entry.key);
  if (entry.type == TomlType::kArray && shape->presence == KeyPresence::kRepeated) {
    for (const std::string& item : entry.items) keys.push_back({entry.key, item});
    return {};
  }
  SEALVM_TRY(CheckType(entry, shape->kind));
  keys.push_back({entry.key, OptionText(entry)});
  return {};
}

std::string LineContext(int line) { return "line " + std::to_string(line); }

Result<TableValue> ReadTable(const TomlTable& table, const OptionSpec& option) {
  TableValue value = {{}, LineContext(table.line) + ": " + table.name};
  const std::vector<KeyShape> shapes = option.table->keys();
  for (const TomlEntry& entry : table.entries) {
    Result<> added = AddTableEntry(entry, shapes, value.keys);
    if (!added) {
      return WithContext(std::move(added).error(), LineContext(entry.line) + ": " + table.name);
    }
  }
  return value;
}

Result<> CheckHeader(const TomlTable& table) {
  const OptionSpec* option = FindRunOption(table.name);
  if (option == nullptr || option->table == nullptr) {
    std::string hint = Suggestion(table.name, RunOptionNames());
    if (option != nullptr) hint = "it is a key, which stands before all tables";
    return InvalidInput("unknown table '" + table.name + "'", std::move(hint));
  }
  if (table.is_array_element == option->table->repeatable) return {};
  return InvalidInput("the header of " + table.name + " is " + HeaderOf(*option));
}

Result<> ApplyTables(const std::vector<TomlTable>& tables, RunOptions& options) {
  for (const TomlTable& table : tables) {
    Result<> checked = CheckHeader(table);
    if (!checked) return WithContext(std::move(checked).error(), LineContext(table.line));
  }
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.table == nullptr) continue;
    std::vector<TableValue> values;
    for (const TomlTable& table : tables) {
      if (table.name == option.name) values.push_back(SEALVM_TRY(ReadTable(table, option)));
    }
    if (!values.empty()) SEALVM_TRY(option.table->replace(options, values));
  }
  return {};
}

Result<> ApplyDocument(const TomlDocument& document, RunOptions& options, bool& isolation_named) {
  for (const TomlEntry& entry : document.entries) {
    Result<> applied = ApplyEntry(entry, options);
    if (!applied) return WithContext(std::move(applied).error(), LineContext(entry.line));
    if (entry.key == "isolation") isolation_named = true;
  }
  const auto has = [&](std::string_view key) {
    return std::ranges::find(document.entries, key, &TomlEntry::key) != document.entries.end();
  };
  if (has("cpu-model") && has("vcpu-signature")) {
    return InvalidInput("cpu-model and vcpu-signature say the same: give one");
  }
  return ApplyTables(document.tables, options);
}

void AppendTable(std::string& out, const OptionSpec& option, const KeyValues& keys) {
  out.append("\n").append(HeaderOf(option)).append("\n");
  for (const KeyShape& shape : option.table->keys()) {
    const bool repeated = shape.presence == KeyPresence::kRepeated;
    std::string values;
    for (const KeyValue& entry : keys) {
      if (entry.key != shape.name) continue;
      values.append(values.empty() ? "" : ", ").append(RenderValue(shape.kind, entry.value));
    }
    if (!values.empty()) AppendKey(out, shape.name, repeated ? "[" + values + "]" : values);
  }
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
  // Not zeroed: most of it is never touched.
  const auto buffer = std::make_unique_for_overwrite<uint8_t[]>(kMaxConfigBytes + 1);
  const auto size = ReadUpTo(file.get(), {buffer.get(), kMaxConfigBytes + 1});
  if (!size) return FileError("read", path);
  if (*size > kMaxConfigBytes) {
    return InvalidInput("--config " + path + ": more than 1 MiB is no configuration");
  }
  return std::string(reinterpret_cast<const char*>(buffer.get()), *size);
}

}  // namespace

std::string PrintConfig(const RunOptions& options) {
  std::string out;
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.table != nullptr) continue;
    const std::optional<std::string> text = option.render(options);
    if (text) AppendKey(out, option.name, RenderValue(option.kind, *text));
  }
  // Keys after a table would be the table's.
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.table == nullptr) continue;
    for (const KeyValues& keys : option.table->render(options)) AppendTable(out, option, keys);
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
