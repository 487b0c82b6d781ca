// SPDX-License-Identifier: Apache-2.0
#include "vmm/api/host_facilities.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace sealvm {
namespace {

class FindProgramTest : public ::testing::Test {
 protected:
  FindProgramTest() {
    EXPECT_NE(mkdtemp(directory_), nullptr);
    for (const char* folder : {"a", "b"}) std::filesystem::create_directory(In(folder));
  }
  ~FindProgramTest() override { std::filesystem::remove_all(directory_); }

  std::string In(const std::string& name) const { return std::string(directory_) + "/" + name; }
  void Make(const std::string& name, mode_t mode) {
    std::ofstream(In(name)) << "x";
    EXPECT_EQ(chmod(In(name).c_str(), mode), 0);
  }

 private:
  char directory_[32] = "/tmp/sealvm-find-XXXXXX";
};

TEST_F(FindProgramTest, TakesTheFirstOfThePath) {
  Make("a/tool", 0755);
  Make("b/tool", 0755);
  const std::string path = In("none") + "::" + In("b") + ":" + In("a");
  EXPECT_EQ(internal::FindProgram("tool", path), In("b/tool"));
}

TEST_F(FindProgramTest, PassesOverWhatCannotBeRun) {
  Make("a/tool", 0644);
  std::filesystem::create_directory(In("b/tool"));
  EXPECT_EQ(internal::FindProgram("tool", In("a") + ":" + In("b")), std::nullopt);
}

TEST_F(FindProgramTest, LooksIntoMoreFoldersAfterThePath) {
  Make("a/tool", 0755);
  const std::string folder = In("a");
  const std::string_view more[] = {folder};
  EXPECT_EQ(internal::FindProgram("tool", "", more), In("a/tool"));
  Make("b/tool", 0755);
  EXPECT_EQ(internal::FindProgram("tool", In("b"), more), In("b/tool"));
}

TEST(ExamineFacilitiesTest, EachIsThereOnceAndExplained) {
  const std::vector<FacilityReport> reports = ExamineFacilities();
  ASSERT_EQ(reports.size(), 4u);
  for (size_t i = 0; i < reports.size(); ++i) {
    EXPECT_EQ(reports[i].facility, static_cast<HostFacility>(i));
    EXPECT_FALSE(reports[i].detail.empty());
    EXPECT_EQ(reports[i].usable, reports[i].os_error == 0);
  }
}

}  // namespace
}  // namespace sealvm
