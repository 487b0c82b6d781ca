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
    const std::optional<std::string> text = option.render(defaults);
    if (!text) continue;
    RunOptions applied;
    ASSERT_TRUE(option.apply(applied, *text)) << option.name;
    EXPECT_EQ(applied, defaults) << option.name;
  }
}

TEST(OptionTableTest, EveryOptionRefusesNonsense) {
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.name == "cmdline") continue;
    RunOptions options;
    EXPECT_FALSE(option.apply(options, "")) << option.name;
    EXPECT_EQ(options, RunOptions{}) << option.name;
  }
}

TEST(OptionTableTest, FindsByExactName) {
  ASSERT_NE(FindRunOption("memory"), nullptr);
  EXPECT_EQ(FindRunOption("memory")->name, "memory");
  EXPECT_EQ(FindRunOption("mem"), nullptr);
  EXPECT_EQ(FindRunOption(""), nullptr);
}

TEST(OptionTableTest, AbsentDevicesAreNoOptions) {
  for (std::string_view name : AbsentDeviceOptions()) {
    EXPECT_EQ(FindRunOption(name), nullptr) << name;
    EXPECT_TRUE(IsAbsentDeviceOption(name));
  }
  EXPECT_FALSE(IsAbsentDeviceOption("memory"));
}

}  // namespace
}  // namespace sealvm
