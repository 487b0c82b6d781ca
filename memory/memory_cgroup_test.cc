// SPDX-License-Identifier: Apache-2.0
#include "memory/memory_cgroup.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sealvm {
namespace {

class MemoryCgroupTest : public testing::Test {
 protected:
  MemoryCgroupTest() : root_(std::filesystem::path(testing::TempDir()) / "cgroup") {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_);
    Write("cgroup.controllers", "memory\n");
  }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::optional<MemoryCgroup> Find(const std::string& own_lines) {
    Write("self", own_lines);
    return FindMemoryCgroup(root_ / "self", root_);
  }

  const std::filesystem::path root_;
};

TEST_F(MemoryCgroupTest, SmallestLimitOnTheWayUpCounts) {
  Write("a/memory.max", "1048576\n");
  Write("a/b/memory.max", "4194304\n");
  Write("a/b/c/memory.max", "max\n");
  const auto cgroup = Find("1:name=x:/other\n0::/a/b/c\n");
  ASSERT_TRUE(cgroup.has_value());
  EXPECT_EQ(cgroup->path, "/a/b/c");
  EXPECT_EQ(cgroup->limit, 1048576u);
  EXPECT_EQ(cgroup->limiting_path, "/a");
  EXPECT_TRUE(CheckMemoryCgroup(1048576, cgroup).has_value());
  const Result<> over = CheckMemoryCgroup(1048577, cgroup);
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().kind, ErrorKind::kHost);
  EXPECT_NE(over.error().message.find("/a may use"), std::string::npos) << over.error().message;
}

TEST_F(MemoryCgroupTest, WithoutALimitEverythingFits) {
  Write("a/memory.max", "max\n");
  const auto cgroup = Find("0::/a\n");
  ASSERT_TRUE(cgroup.has_value());
  EXPECT_FALSE(cgroup->limit.has_value());
  EXPECT_TRUE(CheckMemoryCgroup(UINT64_MAX, cgroup).has_value());
}

TEST_F(MemoryCgroupTest, TheRootHasNoLimit) {
  Write("memory.max", "1\n");  // the real root has no such file
  const auto cgroup = Find("0::/\n");
  ASSERT_TRUE(cgroup.has_value());
  EXPECT_EQ(cgroup->path, "/");
  EXPECT_FALSE(cgroup->limit.has_value());
}

TEST_F(MemoryCgroupTest, OddFilesAreNoLimit) {
  Write("a/memory.max", "");
  EXPECT_FALSE(Find("0::/a\n")->limit.has_value());
  EXPECT_FALSE(Find("0::a\n")->limit.has_value());
  EXPECT_FALSE(Find("0::\n")->limit.has_value());
}

TEST_F(MemoryCgroupTest, HostWithoutCgroupV2HasNone) {
  EXPECT_FALSE(Find("3:memory:/a\n").has_value());
  EXPECT_FALSE(FindMemoryCgroup(root_ / "absent", root_).has_value());
  std::filesystem::remove(root_ / "cgroup.controllers");
  EXPECT_FALSE(Find("0::/a\n").has_value());
  EXPECT_TRUE(CheckMemoryCgroup(UINT64_MAX, std::nullopt).has_value());
}

}  // namespace
}  // namespace sealvm
