// SPDX-License-Identifier: Apache-2.0
#include "devices/vhost_user/shared_memory.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/virtio/testing/must.h"
#include "devices/virtio/testing/test_driver.h"
#include "memory/base/fd.h"

namespace sealvm::vhost_user {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;

TEST(RegionsTest, BothSidesOfTheHole) {
  const auto regions = RegionsOf(Must(GuestLayout::Create(5 * kGiB)));
  ASSERT_EQ(regions.size(), 2u);
  EXPECT_EQ(regions[0].guest_address, 0u);
  EXPECT_EQ(regions[0].size, kLowRamEnd);
  EXPECT_EQ(regions[0].mmap_offset, 0u);
  EXPECT_EQ(regions[1].guest_address, kHighRamBase);
  EXPECT_EQ(regions[1].size, 2 * kGiB);
  EXPECT_EQ(regions[1].user_address, kHighRamBase);
  EXPECT_EQ(regions[1].mmap_offset, kLowRamEnd);
}

TEST(SealForSharingTest, SealsWhatIsNot) {
  const Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_TRUE(SealForSharing(fd.get()).has_value());
  EXPECT_EQ(fcntl(fd.get(), F_GET_SEALS) & kSeals, kSeals);
}

TEST(SealForSharingTest, SealedFileIsFine) {
  const Fd fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(fcntl(fd.get(), F_ADD_SEALS, kSeals), 0);
  EXPECT_TRUE(SealForSharing(fd.get()).has_value());
}

TEST(SealForSharingTest, FileThatCannotBeSealedAnyMoreIsRefused) {
  const Fd fd(memfd_create("test", MFD_CLOEXEC));
  EXPECT_FALSE(SealForSharing(fd.get()).has_value());
}

TEST(SealForSharingTest, FileWithoutSealsIsRefused) {
  const Fd fd(open("/dev/null", O_RDWR | O_CLOEXEC));
  EXPECT_FALSE(SealForSharing(fd.get()).has_value());
}

class CheckRingTest : public testing::Test {
 protected:
  bool Accepts(const QueueLayout& layout, uint64_t features = kFeatureVersion1) {
    return CheckRing(features, layout, guest_.view()).has_value();
  }
  // Areas of rings of 256 entries, as far at the end of RAM as may be.
  static constexpr Gpa kEnd = 16 * kMiB;
  static constexpr QueueLayout kSplit = {256, kEnd - 4096, kEnd - 518, kEnd - 2056};
  static constexpr QueueLayout kPacked = {256, kEnd - 4096, kEnd - 4, kEnd - 4};

  TestGuest guest_{kEnd};
};

TEST_F(CheckRingTest, UpToTheEndOfRam) {
  EXPECT_TRUE(Accepts(kSplit));
  EXPECT_TRUE(Accepts(kPacked, kFeatureVersion1 | kFeaturePacked));
}

TEST_F(CheckRingTest, AreaPastTheEndOfRam) {
  for (Gpa QueueLayout::*area :
       {&QueueLayout::descriptor_area, &QueueLayout::driver_area, &QueueLayout::device_area}) {
    QueueLayout split = kSplit;
    split.*area += 16;
    EXPECT_FALSE(Accepts(split));
    QueueLayout packed = kPacked;
    packed.*area += 16;
    EXPECT_FALSE(Accepts(packed, kFeatureVersion1 | kFeaturePacked));
  }
}

TEST_F(CheckRingTest, AreaThatWraps) {
  QueueLayout layout = kSplit;
  layout.descriptor_area = ~uint64_t{15};
  EXPECT_FALSE(Accepts(layout));
}

TEST_F(CheckRingTest, SizeOfNoRing) {
  QueueLayout layout = kSplit;
  layout.size = 0;
  EXPECT_FALSE(Accepts(layout));
  layout.size = 255;
  EXPECT_FALSE(Accepts(layout));
}

}  // namespace
}  // namespace sealvm::vhost_user
