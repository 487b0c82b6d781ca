// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/toml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

// The text of the only entry; an error's text otherwise.
std::string ValueOf(std::string_view toml) {
  const Result<TomlDocument> document = ReadToml(toml);
  if (!document) return "error: " + document.error().ToString();
  return document->entries.size() == 1 ? document->entries.front().text : "entries";
}

TEST(TomlReaderTest, ReadsKeysTypesAndLines) {
  const Result<TomlDocument> document = ReadToml(
      "# machine\n"
      "kernel = \"vmlinuz\"  # the kernel\n"
      "\n"
      "cpus=2\r\n"
      "timeout\t=\t1.5\n"
      "prefault = true");
  ASSERT_TRUE(document) << document.error().ToString();
  const std::vector<TomlEntry> expected = {{"kernel", TomlType::kString, "vmlinuz", 2},
                                           {"cpus", TomlType::kInteger, "2", 4},
                                           {"timeout", TomlType::kFloat, "1.5", 5},
                                           {"prefault", TomlType::kBoolean, "true", 6}};
  EXPECT_EQ(document->entries, expected);
}

TEST(TomlReaderTest, EmptyTextIsAnEmptyDocument) {
  EXPECT_TRUE(ReadToml("")->entries.empty());
  EXPECT_TRUE(ReadToml("\n\n# only a comment")->entries.empty());
}

TEST(TomlReaderTest, StringsKeepWhatLooksLikeSyntax) {
  EXPECT_EQ(ValueOf("a = \"x # y, [z] = 'w'\""), "x # y, [z] = 'w'");
  EXPECT_EQ(ValueOf("a = 'C:\\n \"q\"'"), "C:\\n \"q\"");
}

TEST(TomlReaderTest, BasicStringsKnowTheEscapes) {
  EXPECT_EQ(ValueOf(R"(a = "\t\n\r\f\b\"\\")"), "\t\n\r\f\b\"\\");
  EXPECT_EQ(ValueOf(R"(a = "\u00e4\u20AC\U0001F512")"), "ä€🔒");
}

TEST(TomlReaderTest, MultilineStrings) {
  EXPECT_EQ(ValueOf("a = \"\"\"\none\ntwo\"\"\""), "one\ntwo");
  EXPECT_EQ(ValueOf("a = \"\"\"one \\\n   two\"\"\""), "one two");
  EXPECT_EQ(ValueOf("a = '''\nraw\\n'''"), "raw\\n");
  EXPECT_EQ(ValueOf("a = \"\"\"\"\"quoted\"\"\"\"\""), "\"\"quoted\"\"");
}

TEST(TomlReaderTest, LinesAreCountedThroughMultilineStrings) {
  const Result<TomlDocument> document = ReadToml("a = '''\n\n'''\nb = ?");
  ASSERT_FALSE(document);
  EXPECT_THAT(document.error().message, HasSubstr("line 4: b:"));
}

TEST(TomlReaderTest, NumbersLoseTheirUnderscores) {
  EXPECT_EQ(ValueOf("a = 1_000"), "1000");
  EXPECT_EQ(ValueOf("a = +7"), "7");
  EXPECT_EQ(ValueOf("a = -7"), "-7");
}

TEST(TomlReaderTest, RefusesMalformedText) {
  for (const char* text : {"a",
                           "a =",
                           "a = ",
                           "= 1",
                           "a = 1 b = 2",
                           "a = \"x",
                           "a = 'x",
                           "a = \"\"\"x",
                           "a = \"x\ny\"",
                           "a = \"\\x\"",
                           "a = \"\\u12\"",
                           "a = \"\\ud800\"",
                           "a = \"\\U00110000\"",
                           "a = \"\\u0000\"",
                           "a = bare",
                           "a = 1__0",
                           "a = _1",
                           "a = 1.",
                           "a = .5",
                           "a = 1.2.3",
                           "a = --1",
                           "a = -",
                           "a = [1]",
                           "a = [",
                           "a = [\"x\"",
                           "a = [\"x\" \"y\"]",
                           "a = [,]",
                           "a = [\"x\",,]",
                           "a = [[\"x\"]]",
                           "a = [\"x\"] \"y\"",
                           "a = [ # \x02",
                           "[a.b]",
                           "[a]\n[a]",
                           "[a]\n[[a]]",
                           "[[a]]\n[a]",
                           "a = 1\n[a]",
                           "[a]\nb = 1\nb = 2",
                           "a = {b = 1}",
                           "a.b = 1",
                           "a = 1979-05-27",
                           "a = True",
                           "[a",
                           "[[a]",
                           "[]",
                           "a = \"\x01\"",
                           "# \x02",
                           "a = 1\nb = 2\na = 3",
                           "\"a = 1",
                           "a == 1",
                           "a = 0x10"}) {
    const Result<TomlDocument> document = ReadToml(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(document.error().kind, ErrorKind::kInvalidInput) << text;
    EXPECT_THAT(document.error().message, HasSubstr("line ")) << text;
  }
}

std::vector<std::string> ItemsOf(std::string_view toml) {
  const Result<TomlDocument> document = ReadToml(toml);
  if (!document) return {"error: " + document.error().ToString()};
  EXPECT_EQ(document->entries.front().type, TomlType::kArray);
  return document->entries.front().items;
}

TEST(TomlReaderTest, ArraysHoldStrings) {
  EXPECT_THAT(ItemsOf("a = []"), ::testing::IsEmpty());
  EXPECT_THAT(ItemsOf("a = [\"x\", 'y,]',]  # z"), ::testing::ElementsAre("x", "y,]"));
  EXPECT_THAT(ItemsOf("a = [1]").front(), HasSubstr("line 1: a: an array has strings"));
}

TEST(TomlReaderTest, ArraysMaySpanLines) {
  const Result<TomlDocument> document =
      ReadToml("a = [ # first\n  'x', # second\r\n\n  'y'\n]\nb = 1\n");
  ASSERT_TRUE(document) << document.error().ToString();
  EXPECT_THAT(document->entries[0].items, ::testing::ElementsAre("x", "y"));
  EXPECT_EQ(document->entries[1].line, 6);
}

TEST(TomlReaderTest, TablesHaveTheKeysThatFollowThem) {
  const Result<TomlDocument> document =
      ReadToml("a = 1\n[disk]\na = 2\n[[net]]\n[[ \"net\" ]]\nb = true\nc = 'x'\n");
  ASSERT_TRUE(document) << document.error().ToString();
  EXPECT_EQ(document->entries.size(), 1u);
  ASSERT_EQ(document->tables.size(), 3u);
  EXPECT_EQ(document->tables[0].name, "disk");
  EXPECT_FALSE(document->tables[0].is_array_element);
  EXPECT_EQ(document->tables[0].entries.front().text, "2");
  EXPECT_TRUE(document->tables[1].is_array_element);
  EXPECT_EQ(document->tables[1].line, 4);
  EXPECT_TRUE(document->tables[1].entries.empty());
  EXPECT_EQ(document->tables[2].name, "net");
  EXPECT_EQ(document->tables[2].entries.size(), 2u);
}

TEST(TomlReaderTest, EveryPrefixOfAGoodTextEnds) {
  const std::string text =
      "a = \"\\u00e4\"\nb = '''x\n'''\ne = [ 'f', # g\n]\n[[c]]\nd = 1_0.5 # e\n";
  for (size_t length = 0; length <= text.size(); ++length) {
    const Result<TomlDocument> document = ReadToml(std::string_view(text).substr(0, length));
    if (!document) {
      EXPECT_FALSE(document.error().message.empty()) << length;
    }
  }
}

TEST(QuoteTomlTest, ReadsBack) {
  std::string odd;
  for (int c = 1; c < 256; ++c) odd.push_back(static_cast<char>(c));
  for (const std::string& text :
       {std::string(), std::string("a\"b\\c\nd\te\rf"), std::string("\"\"\""), odd}) {
    EXPECT_EQ(ValueOf("a = " + QuoteToml(text)), text);
  }
}

}  // namespace
}  // namespace sealvm
