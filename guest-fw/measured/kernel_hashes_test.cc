// SPDX-License-Identifier: Apache-2.0
#include "guest-fw/measured/kernel_hashes.h"

#include <gtest/gtest.h>
#include <string.h>

#include <vector>

#include "guest-fw/measured/testing_machine.h"

namespace sealvm::measured {
namespace {

constexpr size_t kHeader = 18;
constexpr size_t kEntry = 50;

class KernelHashesTest : public testing::Test {
 protected:
  Failure Parse(size_t size = kSmallPage) {
    return ParseKernelHashes(page_.data(), size, &present_, &hashes_);
  }
  void PutLength(size_t at, uint16_t length) { memcpy(page_.data() + at, &length, sizeof(length)); }

  std::vector<uint8_t> page_ = MakeHashPage({1, 2}, {3}, "x");
  bool present_ = false;
  KernelHashes hashes_;
};

TEST_F(KernelHashesTest, AreRead) {
  ASSERT_EQ(Parse(), Failure::kNone);
  EXPECT_TRUE(present_);
  EXPECT_EQ(memcmp(hashes_.cmdline.data(), page_.data() + kHeader + 18, 32), 0);
  EXPECT_EQ(memcmp(hashes_.initrd.data(), page_.data() + kHeader + kEntry + 18, 32), 0);
  EXPECT_EQ(memcmp(hashes_.kernel.data(), page_.data() + kHeader + 2 * kEntry + 18, 32), 0);
}

TEST_F(KernelHashesTest, AreAbsentWhereAllIsZero) {
  page_.assign(page_.size(), 0);
  ASSERT_EQ(Parse(), Failure::kNone);
  EXPECT_FALSE(present_);
}

TEST_F(KernelHashesTest, AreNotReadFromAnAreaThatIsTooSmall) {
  EXPECT_EQ(Parse(17), Failure::kHashTable);
  EXPECT_EQ(Parse(167), Failure::kHashTable);
  EXPECT_EQ(Parse(168), Failure::kNone);
}

TEST_F(KernelHashesTest, RefuseAnotherTable) {
  page_[0] ^= 1;
  EXPECT_EQ(Parse(), Failure::kHashTable);
}

TEST_F(KernelHashesTest, RefuseLengthsThatLie) {
  for (const uint16_t length : {0, 17, 118, 167, 169, 218, 0xffff}) {
    PutLength(16, length);
    EXPECT_EQ(Parse(), Failure::kHashTable) << length;
  }
  page_ = MakeHashPage({1, 2}, {3}, "x");
  for (const uint16_t length : {0, 49, 51, 0xffff}) {
    PutLength(kHeader + 16, length);
    EXPECT_EQ(Parse(), Failure::kHashTable) << length;
  }
}

TEST_F(KernelHashesTest, RefuseAnEntryThatIsMissing) {
  for (size_t entry = 0; entry < 3; ++entry) {
    page_ = MakeHashPage({1, 2}, {3}, "x");
    page_[kHeader + entry * kEntry] ^= 1;
    EXPECT_EQ(Parse(), Failure::kHashTable) << entry;
  }
}

TEST_F(KernelHashesTest, RefuseAnEntryThatComesTwice) {
  memcpy(page_.data() + kHeader, page_.data() + kHeader + kEntry, kEntry);
  EXPECT_EQ(Parse(), Failure::kHashTable);
}

}  // namespace
}  // namespace sealvm::measured
