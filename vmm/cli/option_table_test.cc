// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/option_table.h"

#include <gtest/gtest.h>

#include <set>

namespace sealvm {
namespace {

TEST(OptionTableTest, NamesAreUniqueAndDescribed) {
  std::set<std::string_view> names;
  for (const OptionSpec& option : RunOptionTable()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_FALSE(option.placeholder.empty()) << option.name;
  }
}

TEST(OptionTableTest, WhatIsRenderedAppliesBack) {
  RunOptions defaults;
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.table != nullptr) continue;
    const std::optional<std::string> text = option.render(defaults);
    if (!text) continue;
    RunOptions applied;
    ASSERT_TRUE(option.apply(applied, *text)) << option.name;
    EXPECT_EQ(applied, defaults) << option.name;
  }
}

TEST(OptionTableTest, EveryOptionRefusesNonsense) {
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.name == "cmdline" || option.table != nullptr) continue;
    RunOptions options;
    EXPECT_FALSE(option.apply(options, "")) << option.name;
    EXPECT_EQ(options, RunOptions{}) << option.name;
  }
}

TEST(OptionTableTest, EveryTableRefusesNonsense) {
  for (const OptionSpec& option : RunOptionTable()) {
    EXPECT_EQ(option.table != nullptr, option.kind == ValueKind::kTable) << option.name;
    if (option.table == nullptr) continue;
    for (const KeyShape& key : option.table->keys()) {
      RunOptions options;
      const TableValue value = {{{std::string(key.name), ""}}, "here"};
      EXPECT_FALSE(option.table->replace(options, {&value, 1})) << option.name << key.name;
      EXPECT_EQ(options, RunOptions{}) << option.name << key.name;
    }
  }
}

TEST(OptionTableTest, FindsByExactName) {
  ASSERT_NE(FindRunOption("memory"), nullptr);
  EXPECT_EQ(FindRunOption("memory")->name, "memory");
  EXPECT_EQ(FindRunOption("mem"), nullptr);
  EXPECT_EQ(FindRunOption(""), nullptr);
}

}  // namespace
}  // namespace sealvm
