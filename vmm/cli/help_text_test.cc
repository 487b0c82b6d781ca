// SPDX-License-Identifier: Apache-2.0
#include "vmm/cli/help_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "vmm/cli/measure_arguments.h"
#include "vmm/cli/option_table.h"

namespace sealvm {
namespace {

TEST(HelpTextTest, LinesFitATerminal) {
  for (const std::string& page :
       {GeneralHelp(), RunHelp(), DoctorHelp(), InspectHelp(), MeasureHelp()}) {
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
    EXPECT_TRUE(page.ends_with("\n"));
  }
}

TEST(HelpTextTest, RunHelpNamesEveryOption) {
  const std::string help = RunHelp();
  for (const OptionSpec& option : RunOptionTable()) {
    if (option.name == "verbose") continue;
    EXPECT_NE(help.find("--" + std::string(option.name) + " "), help.npos) << option.name;
  }
  EXPECT_NE(help.find("-v, -vv"), help.npos);
  EXPECT_NE(help.find("--print-config"), help.npos);
}

TEST(HelpTextTest, MeasureHelpNamesEveryOption) {
  const std::string help = MeasureHelp();
  for (const MeasureOption& option : MeasureOptionTable()) {
    EXPECT_NE(help.find("--" + std::string(option.name) + " "), help.npos) << option.name;
  }
  EXPECT_NE(help.find("--explain"), help.npos);
  EXPECT_NE(help.find("--json"), help.npos);
}

}  // namespace
}  // namespace sealvm
