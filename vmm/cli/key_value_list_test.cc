// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/key_value_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sealvm {
namespace {

using ::testing::HasSubstr;

KeyValues Split(std::string_view text, std::string_view implied_key = {}) {
  const Result<KeyValues> list = SplitKeyValues(text, implied_key);
  return list ? *list : KeyValues{{"error", list.error().ToString()}};
}

TEST(SplitKeyValuesTest, ReadsKeysInOrder) {
  EXPECT_EQ(Split("path=a.img,readonly=on"), (KeyValues{{"path", "a.img"}, {"readonly", "on"}}));
  EXPECT_EQ(Split("a=1"), (KeyValues{{"a", "1"}}));
}

TEST(SplitKeyValuesTest, DoubledCommaIsOneOfTheValue) {
  EXPECT_EQ(Split("path=a,,b"), (KeyValues{{"path", "a,b"}}));
  EXPECT_EQ(Split("path=,,,id=x"), (KeyValues{{"path", ","}, {"id", "x"}}));
  EXPECT_EQ(Split("path=a,,,,b,,"), (KeyValues{{"path", "a,,b,"}}));
}

TEST(SplitKeyValuesTest, ValueMayHaveEqualsSignsOrNothing) {
  EXPECT_EQ(Split("path=a=b,id="), (KeyValues{{"path", "a=b"}, {"id", ""}}));
}

TEST(SplitKeyValuesTest, FirstWordMayBeTheImpliedKeysValue) {
  EXPECT_EQ(Split("user,id=x", "backend"), (KeyValues{{"backend", "user"}, {"id", "x"}}));
  EXPECT_EQ(Split("tap=t", "backend"), (KeyValues{{"tap", "t"}}));
}

TEST(SplitKeyValuesTest, OtherWordsAreRefused) {
  for (const char* text : {"", ",", "a", "=a", "a=1,", "a=1,b", ",a=1", "a=1,=b"}) {
    const Result<KeyValues> list = SplitKeyValues(text);
    ASSERT_FALSE(list) << text;
    EXPECT_THAT(list.error().message, HasSubstr("is not of the form key=value")) << text;
  }
  EXPECT_FALSE(SplitKeyValues("", "backend"));
  EXPECT_FALSE(SplitKeyValues("id=x,user", "backend"));
}

constexpr KeyShape kShapes[] = {{"path", ValueKind::kString, KeyPresence::kMandatory},
                                {"readonly", ValueKind::kSwitch},
                                {"forward", ValueKind::kString, KeyPresence::kRepeated}};

std::string CheckError(const KeyValues& list) {
  const Result<> checked = CheckKeys(kShapes, list);
  return checked ? "" : checked.error().ToString();
}

TEST(CheckKeysTest, MandatoryKeysSuffice) { EXPECT_EQ(CheckError({{"path", "a"}}), ""); }

TEST(CheckKeysTest, UnknownKeyNamesTheNearest) {
  EXPECT_EQ(CheckError({{"path", "a"}, {"readonyl", "on"}}),
            "unknown key 'readonyl' (did you mean 'readonly'?)");
}

TEST(CheckKeysTest, UnlikeKeyNamesAll) {
  EXPECT_EQ(CheckError({{"frobnicate", "on"}}),
            "unknown key 'frobnicate' (one of path, readonly, forward)");
}

TEST(CheckKeysTest, MissingKeyIsNamed) {
  EXPECT_EQ(CheckError({{"readonly", "on"}}), "path is missing");
}

TEST(CheckKeysTest, OnlyRepeatedKeysMayBeGivenTwice) {
  EXPECT_EQ(CheckError({{"path", "a"}, {"path", "a"}}), "'path' is given twice");
  EXPECT_EQ(CheckError({{"path", "a"}, {"forward", "a"}, {"forward", "b"}}), "");
}

struct Thing {
  std::string path;
  std::vector<std::string> forwards;
};

constexpr KeySpec<Thing> kSpecs[] = {
    {{"path", ValueKind::kString, KeyPresence::kMandatory},
     [](Thing& thing, std::string_view text) -> Result<> {
       if (text.empty()) return InvalidInput("the value is empty");
       thing.path = text;
       return {};
     },
     [](const Thing& thing) { return std::vector<std::string>{thing.path}; }},
    {{"forward", ValueKind::kString, KeyPresence::kRepeated},
     [](Thing& thing, std::string_view text) -> Result<> {
       thing.forwards.emplace_back(text);
       return {};
     },
     [](const Thing& thing) { return thing.forwards; }}};

TEST(ObjectFromKeysTest, ReadsBack) {
  const KeyValues list = {{"path", "a"}, {"forward", "x"}, {"forward", "y"}};
  const Result<Thing> thing = ObjectFromKeys<Thing>(kSpecs, list);
  ASSERT_TRUE(thing) << thing.error().ToString();
  EXPECT_EQ(KeysFromObject<Thing>(kSpecs, *thing), list);
}

TEST(ObjectFromKeysTest, BadValueNamesItsKey) {
  EXPECT_EQ(ObjectFromKeys<Thing>(kSpecs, {{"path", ""}}).error().message,
            "path: the value is empty");
}

}  // namespace
}  // namespace sealvm
