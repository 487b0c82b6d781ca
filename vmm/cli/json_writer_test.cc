// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/json_writer.h"

#include <gtest/gtest.h>

#include <limits>

namespace sealvm {
namespace {

std::string Quoted(std::string_view value) { return JsonWriter().String(value).text(); }

TEST(JsonWriterTest, NestsCompactly) {
  JsonWriter json;
  json.BeginObject();
  json.Key("a").Unsigned(1);
  json.Key("b").BeginArray().Bool(true).Null().Signed(-2).EndArray();
  json.Key("c").BeginObject().EndObject();
  json.EndObject();
  EXPECT_EQ(json.text(), R"({"a":1,"b":[true,null,-2],"c":{}})");
}

TEST(JsonWriterTest, IndentsByTwo) {
  JsonWriter json(JsonWriter::Style::kIndented);
  json.BeginObject();
  json.Key("a").BeginArray().Unsigned(1).Unsigned(2).EndArray();
  json.Key("b").BeginArray().EndArray();
  json.EndObject();
  EXPECT_EQ(json.text(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": []\n}");
}

TEST(JsonWriterTest, EscapesWhatJsonDemands) {
  EXPECT_EQ(Quoted("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(Quoted(std::string("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
  EXPECT_EQ(JsonWriter().BeginObject().Key("a\"").Null().EndObject().text(), R"({"a\"":null})");
}

TEST(JsonWriterTest, KeepsUtf8AndReplacesTheRest) {
  EXPECT_EQ(Quoted("ä€🔒"), "\"ä€🔒\"");
  const std::string_view bad = "\xef\xbf\xbd";
  const auto replaced = [&](std::string_view before, size_t count, std::string_view after) {
    std::string text = "\"";
    text += before;
    for (size_t i = 0; i < count; ++i) text += bad;
    return text.append(after).append("\"");
  };
  EXPECT_EQ(Quoted("a\xff z"), replaced("a", 1, " z"));
  EXPECT_EQ(Quoted("\xc0\x80"), replaced("", 2, ""));          // overlong
  EXPECT_EQ(Quoted("\xed\xa0\x80"), replaced("", 3, ""));      // a surrogate
  EXPECT_EQ(Quoted("\xf4\x90\x80\x80"), replaced("", 4, ""));  // beyond U+10FFFF
  EXPECT_EQ(Quoted("\xe2\x82"), replaced("", 2, ""));          // cut short
}

TEST(JsonWriterTest, NumbersReadBack) {
  EXPECT_EQ(JsonWriter().Unsigned(UINT64_MAX).text(), "18446744073709551615");
  EXPECT_EQ(JsonWriter().Signed(INT64_MIN).text(), "-9223372036854775808");
  EXPECT_EQ(JsonWriter().Number(1.5e6).text(), "1500000");
  EXPECT_EQ(JsonWriter().Number(1e300).text(), "1e+300");
  EXPECT_EQ(JsonWriter().Number(0.1).text(), "0.1");
  EXPECT_EQ(JsonWriter().Number(std::numeric_limits<double>::infinity()).text(), "null");
  EXPECT_EQ(JsonWriter().Number(std::numeric_limits<double>::quiet_NaN()).text(), "null");
}

}  // namespace
}  // namespace sealvm
