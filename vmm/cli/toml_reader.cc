// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/toml_reader.h"

#include <stdint.h>

#include <algorithm>

namespace sealvm {
namespace {

bool IsBareKeyChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3629.
void AppendUtf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
    return;
  }
  if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (code >> 6)));
  } else {
    if (code < 0x10000) {
      out.push_back(static_cast<char>(0xe0 | (code >> 12)));
    } else {
      out.push_back(static_cast<char>(0xf0 | (code >> 18)));
      out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3f)));
    }
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
  }
  out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
}

class TomlParser {
 public:
  explicit TomlParser(std::string_view text) : text_(text) {}

  Result<TomlDocument> Parse() {
    while (!AtEnd()) {
      Result<> line = ParseLine();
      if (!line) {
        return WithContext(std::move(line).error(), "line " + std::to_string(line_));
      }
    }
    return std::move(document_);
  }

 private:
  bool AtEnd() const { return position_ >= text_.size(); }
  char Peek(size_t ahead = 0) const {
    return position_ + ahead < text_.size() ? text_[position_ + ahead] : '\0';
  }
  bool StartsWith(std::string_view prefix) const {
    return text_.substr(position_).starts_with(prefix);
  }
  bool AtNewline() const { return Peek() == '\n' || StartsWith("\r\n"); }

  bool Take(char c) {
    if (AtEnd() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void SkipBlanks() {
    while (Peek() == ' ' || Peek() == '\t') ++position_;
  }
  void TakeNewline() {
    Take('\r');
    if (Take('\n')) ++line_;
  }

  Result<> ParseLine() {
    SkipBlanks();
    if (Peek() == '[') {
      SEALVM_TRY(ParseTableHeader());
    } else if (!AtEnd() && !AtNewline() && Peek() != '#') {
      SEALVM_TRY(ParseEntry());
    }
    return ParseLineEnd();
  }

  Result<> ParseLineEnd() {
    SEALVM_TRY(SkipComment());
    if (!AtEnd() && !AtNewline()) return InvalidInput("something follows the value");
    TakeNewline();
    return {};
  }

  // Blanks too.
  Result<> SkipComment() {
    SkipBlanks();
    if (Peek() != '#') return {};
    while (!AtEnd() && !AtNewline()) {
      if (IsControl(Peek())) return InvalidInput("a control character in a comment");
      ++position_;
    }
    return {};
  }

  Result<> ParseTableHeader() {
    ++position_;
    TomlTable table;
    table.is_array_element = Take('[');
    table.line = line_;
    SkipBlanks();
    table.name = SEALVM_TRY(ParseKey());
    SkipBlanks();
    if (Peek() == '.') return InvalidInput("dotted keys are not supported");
    if (!Take(']') || (table.is_array_element && !Take(']'))) {
      return InvalidInput("the table's header lacks its ']'");
    }
    const auto collides = [&](const TomlTable& other) {
      return other.name == table.name && !(other.is_array_element && table.is_array_element);
    };
    if (std::ranges::any_of(document_.tables, collides) || HasKey(document_.entries, table.name)) {
      return InvalidInput("'" + table.name + "' is given twice");
    }
    document_.tables.push_back(std::move(table));
    return {};
  }

  static bool HasKey(const std::vector<TomlEntry>& entries, std::string_view key) {
    return std::ranges::find(entries, key, &TomlEntry::key) != entries.end();
  }

  Result<> ParseEntry() {
    TomlEntry entry;
    entry.line = line_;
    entry.key = SEALVM_TRY(ParseKey());
    SkipBlanks();
    if (Peek() == '.') return InvalidInput("dotted keys are not supported");
    if (!Take('=')) return InvalidInput("'=' is missing after '" + entry.key + "'");
    SkipBlanks();
    Result<> value = ParseValue(entry);
    if (!value) return WithContext(std::move(value).error(), entry.key);
    std::vector<TomlEntry>& entries =
        document_.tables.empty() ? document_.entries : document_.tables.back().entries;
    if (HasKey(entries, entry.key)) return InvalidInput("'" + entry.key + "' is given twice");
    entries.push_back(std::move(entry));
    return {};
  }

  Result<std::string> ParseKey() {
    if (Peek() == '"') return ParseBasicString();
    if (Peek() == '\'') return ParseLiteralString();
    const size_t start = position_;
    while (IsBareKeyChar(Peek())) ++position_;
    if (position_ == start) return InvalidInput("a key is expected");
    return std::string(text_.substr(start, position_ - start));
  }

  Result<> ParseValue(TomlEntry& entry) {
    if (Peek() == '[') return ParseArray(entry);
    if (Peek() == '{') return InvalidInput("one value is expected, not a table");
    if (Peek() == '"' || Peek() == '\'') {
      entry.type = TomlType::kString;
      entry.text = SEALVM_TRY(ParseString());
      return {};
    }
    const size_t start = position_;
    while (IsBareKeyChar(Peek()) || Peek() == '+' || Peek() == '.' || Peek() == ':') ++position_;
    return ClassifyBareValue(text_.substr(start, position_ - start), entry);
  }

  Result<> ParseArray(TomlEntry& entry) {
    entry.type = TomlType::kArray;
    ++position_;
    for (;;) {
      SEALVM_TRY(SkipLines());
      if (Take(']')) return {};
      if (AtEnd()) return InvalidInput("the array lacks its ']'");
      if (Peek() != '"' && Peek() != '\'') return InvalidInput("an array has strings in quotes");
      entry.items.push_back(SEALVM_TRY(ParseString()));
      SEALVM_TRY(SkipLines());
      if (!Take(',') && Peek() != ']') return InvalidInput("the array lacks a ',' or its ']'");
    }
  }

  // Blanks, comments and ends of lines, which mean nothing within an array.
  Result<> SkipLines() {
    SEALVM_TRY(SkipComment());
    while (AtNewline()) {
      TakeNewline();
      SEALVM_TRY(SkipComment());
    }
    return {};
  }

  static Result<> ClassifyBareValue(std::string_view word, TomlEntry& entry) {
    if (word.empty()) return InvalidInput("the value is missing");
    if (word == "true" || word == "false") {
      entry.type = TomlType::kBoolean;
      entry.text = word;
      return {};
    }
    return ClassifyNumber(word, entry);
  }

  // [+-] digits [. digits], with single underscores between digits.
  static Result<> ClassifyNumber(std::string_view word, TomlEntry& entry) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    size_t dots = 0;
    for (size_t i = 0; i < word.size(); ++i) {
      const char c = word[i];
      const bool inside =
          i > 0 && i + 1 < word.size() && is_digit(word[i - 1]) && is_digit(word[i + 1]);
      if (c == '.') ++dots;
      const bool sign = i == 0 && word.size() > 1 && (c == '-' || c == '+');
      if (!is_digit(c) && !sign && !(inside && (c == '_' || (c == '.' && dots == 1)))) {
        return InvalidInput("'" + std::string(word) + "' is no value (strings need quotes)");
      }
      if (c != '_' && c != '+') entry.text.push_back(c);
    }
    entry.type = dots == 0 ? TomlType::kInteger : TomlType::kFloat;
    return {};
  }

  Result<std::string> ParseString() {
    if (StartsWith("\"\"\"")) return ParseMultiline('"');
    if (StartsWith("'''")) return ParseMultiline('\'');
    return Peek() == '"' ? ParseBasicString() : ParseLiteralString();
  }

  Result<std::string> ParseBasicString() {
    ++position_;
    std::string out;
    while (!Take('"')) {
      if (AtEnd() || AtNewline()) return InvalidInput("the string lacks its closing quote");
      if (Take('\\')) {
        SEALVM_TRY(ParseEscape(out));
      } else {
        SEALVM_TRY(TakePlain(out));
      }
    }
    return out;
  }

  Result<std::string> ParseLiteralString() {
    ++position_;
    std::string out;
    while (!Take('\'')) {
      if (AtEnd() || AtNewline()) return InvalidInput("the string lacks its closing quote");
      SEALVM_TRY(TakePlain(out));
    }
    return out;
  }

  Result<std::string> ParseMultiline(char quote) {
    const std::string closing(3, quote);
    position_ += closing.size();
    if (AtNewline()) TakeNewline();
    std::string out;
    while (!StartsWith(closing)) {
      if (AtEnd()) return InvalidInput("the string lacks its closing quotes");
      if (AtNewline()) {
        out.push_back('\n');
        TakeNewline();
      } else if (quote == '"' && Take('\\')) {
        SEALVM_TRY(ParseMultilineEscape(out));
      } else {
        SEALVM_TRY(TakePlain(out));
      }
    }
    position_ += closing.size();
    // One or two quotes may stand directly before the closing three.
    for (int extra = 0; extra < 2 && Take(quote); ++extra) out.push_back(quote);
    return out;
  }

  // A backslash at the end of a line swallows the blank space up to the next word.
  Result<> ParseMultilineEscape(std::string& out) {
    const size_t start = position_;
    SkipBlanks();
    if (!AtNewline()) {
      position_ = start;
      return ParseEscape(out);
    }
    while (AtNewline() || Peek() == ' ' || Peek() == '\t') {
      SkipBlanks();
      if (AtNewline()) TakeNewline();
    }
    return {};
  }

  Result<> TakePlain(std::string& out) {
    if (IsControl(Peek())) return InvalidInput("a control character in a string", "escape it");
    out.push_back(text_[position_++]);
    return {};
  }

  Result<> ParseEscape(std::string& out) {
    const char c = Peek();
    ++position_;
    switch (c) {
      case 'b':
        out.push_back('\b');
        return {};
      case 't':
        out.push_back('\t');
        return {};
      case 'n':
        out.push_back('\n');
        return {};
      case 'f':
        out.push_back('\f');
        return {};
      case 'r':
        out.push_back('\r');
        return {};
      case '"':
      case '\\':
        out.push_back(c);
        return {};
      case 'u':
        return ParseUnicode(4, out);
      case 'U':
        return ParseUnicode(8, out);
      default:
        return InvalidInput("an unknown escape in a string");
    }
  }

  Result<> ParseUnicode(int digits, std::string& out) {
    uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = HexDigit(Peek());
      if (digit < 0) return InvalidInput("an unknown escape in a string");
      code = code << 4 | static_cast<uint32_t>(digit);
      ++position_;
    }
    if (code == 0) return InvalidInput("a string cannot hold a zero byte");
    if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      return InvalidInput("an escape that is no character");
    }
    AppendUtf8(out, code);
    return {};
  }

  std::string_view text_;
  size_t position_ = 0;
  int line_ = 1;
  TomlDocument document_;
};

}  // namespace

Result<TomlDocument> ReadToml(std::string_view text) { return TomlParser(text).Parse(); }

std::string QuoteToml(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out.append("\\").push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (IsControl(c)) {
      out += "\\u00";
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 0xf]);
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

}  // namespace sealvm
