// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_TOML_READER_H_
#define SEALVM_VMM_CLI_TOML_READER_H_

#include <string>
#include <string_view>
#include <vector>

#include "memory/base/result.h"

namespace sealvm {

enum class TomlType { kString, kInteger, kFloat, kBoolean, kArray };

// One `key = value`. `text` is the string's content, the digits of a number without underscores, or
// "true" or "false"; an array has the contents of its strings in `items` instead.
struct TomlEntry {
  std::string key;
  TomlType type = TomlType::kString;
  std::string text;
  int line = 0;
  std::vector<std::string> items{};

  friend bool operator==(const TomlEntry&, const TomlEntry&) = default;
};

// What follows a [name] or [[name]] header.
struct TomlTable {
  std::string name;
  bool is_array_element = false;  // [[name]]
  int line = 0;
  std::vector<TomlEntry> entries{};
};

struct TomlDocument {
  std::vector<TomlEntry> entries;  // those before any table
  std::vector<TomlTable> tables;
};

// Reads the part of TOML 1.0 (https://toml.io/en/v1.0.0) that a configuration needs: comments, bare
// and quoted keys, all four kinds of strings, decimal integers and floats, booleans, arrays of
// strings, tables and arrays of tables. Inline tables, dotted keys and dates are errors that say
// so, as are keys and tables given twice. Bytes from 0x80 on are taken as they are. Errors are
// kInvalidInput and begin with "line N:
// ".
//
// CLI11's own reader is not used: it cuts strings at '#' and ',', knows no escapes, and drops what
// it does not understand.
Result<TomlDocument> ReadToml(std::string_view text);

// `text` as a TOML basic string with its quotes.
std::string QuoteToml(std::string_view text);

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_TOML_READER_H_
