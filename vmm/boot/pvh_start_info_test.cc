// SPDX-License-Identifier: Apache-2.0
#include "vmm/boot/pvh_start_info.h"

#include <gtest/gtest.h>

#include <vector>

#include "memory/base/endian.h"
#include "vmm/boot/testing/expect_error.h"

namespace sealvm {
namespace {

const std::vector<MemoryMapEntry> kMap = {{0, 0x9fc00, MemoryType::kRam},
                                          {0xe0000, 0x20000, MemoryType::kAcpi}};

TEST(PvhStartInfo, PointsToItsParts) {
  const auto info = BuildPvhStartInfo({.base = 0x8000,
                                       .cmdline = 0x20000,
                                       .initrd = 0x7000000,
                                       .initrd_size = 0x1234,
                                       .rsdp = 0xe0000,
                                       .memory_map = kMap});

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(LoadLe<uint32_t>(*info, 0), 0x336ec578u);
  EXPECT_EQ(LoadLe<uint32_t>(*info, 4), 1u);
  EXPECT_EQ(LoadLe<uint32_t>(*info, 12), 1u);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 16), 0x8000u + 56);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 24), 0x20000u);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 32), 0xe0000u);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 40), 0x8000u + 56 + 32);
  EXPECT_EQ(LoadLe<uint32_t>(*info, 48), 2u);
}

TEST(PvhStartInfo, DescribesTheInitrdAsAModule) {
  const auto info = BuildPvhStartInfo(
      {.base = 0x8000, .initrd = 0x7000000, .initrd_size = 0x1234, .memory_map = kMap});

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(LoadLe<uint64_t>(*info, 56), 0x7000000u);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 64), 0x1234u);
}

TEST(PvhStartInfo, ListsTheMemoryMap) {
  const auto info = BuildPvhStartInfo({.base = 0x8000, .memory_map = kMap});

  ASSERT_TRUE(info.has_value());
  ASSERT_EQ(info->size(), 56u + 2 * 24);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 56 + 8), 0x9fc00u);
  EXPECT_EQ(LoadLe<uint32_t>(*info, 56 + 16), 1u);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 80), 0xe0000u);
  EXPECT_EQ(LoadLe<uint32_t>(*info, 80 + 16), 3u);
}

TEST(PvhStartInfo, WithoutInitrdThereIsNoModule) {
  const auto info = BuildPvhStartInfo({.base = 0x8000, .memory_map = kMap});

  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(LoadLe<uint32_t>(*info, 12), 0u);
  EXPECT_EQ(LoadLe<uint64_t>(*info, 16), 0u);
}

TEST(PvhStartInfo, RefusesAMapThatDoesNotFit) {
  const std::vector<MemoryMapEntry> map(200, {.base = 0, .size = 1});

  ExpectInvalidInput(BuildPvhStartInfo({.base = 0x8000, .memory_map = map}), "200 entries");
}

}  // namespace
}  // namespace sealvm
