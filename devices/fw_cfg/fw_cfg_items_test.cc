// SPDX-License-Identifier: Apache-2.0
#include "devices/fw_cfg/fw_cfg_items.h"

#include <gtest/gtest.h>

namespace sealvm {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes Content(const FwCfgSource* source) {
  if (source == nullptr) return {};
  Bytes bytes(source->size());
  EXPECT_TRUE(source->Read(0, bytes).has_value());
  return bytes;
}

TEST(FwCfgItemsTest, BeginsWithWhatEveryFirmwareAsks) {
  const FwCfgItems items;
  EXPECT_EQ(Content(items.Find(kFwCfgSignature)), (Bytes{'Q', 'E', 'M', 'U'}));
  EXPECT_EQ(Content(items.Find(kFwCfgFeatures)), (Bytes{3, 0, 0, 0}));
  EXPECT_EQ(Content(items.Find(kFwCfgFileDirectory)), (Bytes{0, 0, 0, 0}));
  EXPECT_EQ(items.Find(kFwCfgKernelSize), nullptr);
}

TEST(FwCfgItemsTest, NumbersAreLittleEndian) {
  FwCfgItems items;
  items.Add16(kFwCfgCpus, 0x0102);
  items.Add32(kFwCfgInitrdSize, 0x01020304);
  EXPECT_EQ(Content(items.Find(kFwCfgCpus)), (Bytes{2, 1}));
  EXPECT_EQ(Content(items.Find(kFwCfgInitrdSize)), (Bytes{4, 3, 2, 1}));
}

TEST(FwCfgItemsTest, FilesHaveAnEntryInTheDirectory) {
  FwCfgItems items;
  ASSERT_TRUE(items.AddFile("etc/a", Bytes(0x102)).has_value());
  ASSERT_TRUE(items.AddFile("etc/b", {7}).has_value());
  const Bytes directory = Content(items.Find(kFwCfgFileDirectory));
  ASSERT_EQ(directory.size(), 4u + 2 * 64);
  EXPECT_EQ(Bytes(directory.begin(), directory.begin() + 17),
            (Bytes{0, 0, 0, 2, 0, 0, 1, 2, 0, 0x20, 0, 0, 'e', 't', 'c', '/', 'a'}));
  EXPECT_EQ(Bytes(directory.begin() + 68, directory.begin() + 76),
            (Bytes{0, 0, 0, 1, 0, 0x21, 0, 0}));
  EXPECT_EQ(Content(items.Find(0x21)), Bytes{7});
  EXPECT_EQ(items.FindFile("etc/b"), items.Find(0x21));
  EXPECT_EQ(items.FindFile("etc/c"), nullptr);
}

TEST(FwCfgItemsTest, NamesFitTheDirectoryWithAZero) {
  FwCfgItems items;
  EXPECT_TRUE(items.AddFile(std::string(55, 'n'), {}).has_value());
  EXPECT_FALSE(items.AddFile(std::string(56, 'm'), {}).has_value());
  EXPECT_FALSE(items.AddFile("", {}).has_value());
}

TEST(FwCfgItemsTest, ANameIsThereOnce) {
  FwCfgItems items;
  ASSERT_TRUE(items.AddFile("etc/a", {1}).has_value());
  EXPECT_FALSE(items.AddFile("etc/a", {2}).has_value());
  EXPECT_EQ(Content(items.FindFile("etc/a")), Bytes{1});
}

}  // namespace
}  // namespace sealvm
