// SPDX-License-Identifier: Apache-2.0
#ifndef SEALVM_VMM_CLI_JSON_WRITER_H_
#define SEALVM_VMM_CLI_JSON_WRITER_H_

#include <stdint.h>

#include <string>
#include <string_view>
#include <vector>

namespace sealvm {

// Builds one JSON text (RFC 8259). The caller nests Begin and End properly and gives each member of
// an object a key; values follow in the order of the calls.
class JsonWriter {
 public:
  enum class Style { kCompact, kIndented };

  explicit JsonWriter(Style style = Style::kCompact) : style_(style) {}

  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);

  // Bytes that are not UTF-8 become U+FFFD.
  JsonWriter& String(std::string_view value);
  JsonWriter& Unsigned(uint64_t value);
  JsonWriter& Signed(int64_t value);
  // Shortest form that reads back; null for what is not finite.
  JsonWriter& Number(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();

  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  JsonWriter& Raw(std::string_view token);
  void BeforeValue();
  void NewLine();
  void AppendQuoted(std::string_view value);

  Style style_;
  std::string text_;
  // One per open bracket: whether it holds something already.
  std::vector<bool> has_items_;
  bool after_key_ = false;
};

}  // namespace sealvm

#endif  // SEALVM_VMM_CLI_JSON_WRITER_H_
