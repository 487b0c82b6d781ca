// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/json_writer.h"

#include <charconv>
#include <cmath>

namespace sealvm {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool IsContinuation(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
}

// Length of the well-formed UTF-8 sequence at `at`, 0 when there is none (RFC 3629, section 4).
size_t Utf8Length(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text, at + i)) return 0;
  }
  const auto second = static_cast<unsigned char>(text[at + 1]);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second > 0x9f;
  const bool too_large = lead == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_large ? 0 : length;
}

void AppendControl(std::string& out, unsigned char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out.push_back(kHex[c >> 4]);
  out.push_back(kHex[c & 0xf]);
}

void AppendAscii(std::string& out, char c) {
  switch (c) {
    case '"':
    case '\\':
      out.push_back('\\');
      out.push_back(c);
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte == 0x7f) return AppendControl(out, byte);
  out.push_back(c);
}

}  // namespace

JsonWriter& JsonWriter::Key(std::string_view key) {
  BeforeValue();
  AppendQuoted(key);
  text_ += style_ == Style::kIndented ? ": " : ":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  BeforeValue();
  AppendQuoted(value);
  return *this;
}

JsonWriter& JsonWriter::Unsigned(uint64_t value) { return Raw(std::to_string(value)); }
JsonWriter& JsonWriter::Signed(int64_t value) { return Raw(std::to_string(value)); }
JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }
JsonWriter& JsonWriter::Null() { return Raw("null"); }

JsonWriter& JsonWriter::Number(double value) {
  if (!std::isfinite(value)) return Null();
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), value);
  return Raw(error == std::errc() ? std::string_view(buffer, end) : "null");
}

JsonWriter& JsonWriter::Open(char bracket) {
  BeforeValue();
  text_.push_back(bracket);
  has_items_.push_back(false);
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  const bool had_items = has_items_.back();
  has_items_.pop_back();
  if (had_items) NewLine();
  text_.push_back(bracket);
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view token) {
  BeforeValue();
  text_ += token;
  return *this;
}

void JsonWriter::BeforeValue() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) text_.push_back(',');
  has_items_.back() = true;
  NewLine();
}

void JsonWriter::NewLine() {
  if (style_ == Style::kIndented) text_.append("\n").append(has_items_.size() * 2, ' ');
}

void JsonWriter::AppendQuoted(std::string_view value) {
  text_.push_back('"');
  for (size_t at = 0; at < value.size();) {
    const size_t length = Utf8Length(value, at);
    if (length == 0) {
      text_ += kReplacement;
    } else if (length == 1) {
      AppendAscii(text_, value[at]);
    } else {
      text_ += value.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  text_.push_back('"');
}

}  // namespace sealvm
